// Collections that are kept, by the application in Pyodide over a compiled engine and a store in JavaScript: what a page has.
// Owns the store and what it refuses. Must not know what is in a segment. Invariant under test: what is said to be saved is
// there when another worker opens it, segments are merged as they come, and bytes of segments stay outside Python.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { model, start } from '../node/tiers.mjs';
import { at, boot, copyFolder, mountRest } from './boot.mjs';

/** @type {any} */
let pyodide;
/** @type {Map<string, Uint8Array>} */
const files = new Map();
let isFull = false;

/** @param {string} file */
function found(file) {
    const data = files.get(file);
    if (!data) throw Object.assign(new Error(`no ${file}`), { code: 'not_found', detail: { file } });
    return data;
}

const keep = {
    readRanges: async (/** @type {string} */ file, /** @type {[number, number][]} */ ranges) => ranges.map(([offset, length]) => found(file).slice(offset, offset + length)),
    size: async (/** @type {string} */ file) => found(file).length,
    write: async (/** @type {string} */ file, /** @type {Uint8Array} */ data) => {
        assert.ok(data instanceof Uint8Array);
        if (isFull) throw Object.assign(new Error('the disk is full'), { code: 'storage', detail: {} });
        files.set(file, data.slice());
    },
    remove: async (/** @type {string} */ file) => void files.delete(file),
    names: async (/** @type {string} */ prefix) => [...files.keys()].filter(name => name.startsWith(prefix)).sort(),
    claim: async () => true,
    release: async () => undefined,
};

/** A worker of its own: an engine, and the application over it. Gives what asks it. */
async function worker() {
    const { engine, inspect } = await start({ backend: 'wasm-simd' });
    engine.adopt_model(model());
    const browser = pyodide.pyimport('findling.browser');
    /** @type {Map<number, (result: any) => void>} */
    const waiting = new Map();
    const store = {
        read: async () => assert.fail(), size: async () => assert.fail(), encoder: async () => undefined, prepare: async () => undefined,
        pause: () => new Promise(resolve => setImmediate(resolve)), share: () => null, status: () => ({}), keep, inspect,
    };
    const handle = browser.start(engine, store, (/** @type {any} */ message) => {
        if (message.result || message.error) waiting.get(message.id)?.(message.result ?? message.error);
    });
    let id = 0;
    return (/** @type {string} */ verb, args = {}) => new Promise(resolve => {
        waiting.set(++id, resolve);
        handle({ id, verb, args });
    });
}

before(async () => {
    pyodide = await boot();
    mountRest(pyodide);
    copyFolder(pyodide, at('py/findling'), '/application/findling');
    pyodide.runPython(`
import sys
sys.path.insert(0, "/application")
for name in [name for name in sys.modules if name.partition(".")[0] == "findling"]:
    del sys.modules[name]
`);
});

const NOTES = Array.from({ length: 12 }, (_, n) => ({ id: `n${n}`, title: `note ${n}`, text: `number${n} a boat on the water` }));

test('what one worker saved is what the next one opens, in few files', async () => {
    const first = await worker();
    assert.equal((await first('open', { collection: 'notes', keep: true })).saved, true);
    for (const note of NOTES) assert.equal((await first('add', { collection: 'notes', documents: [note] })).saved, true);
    assert.deepEqual(await first('remove', { collection: 'notes', ids: ['n3'] }), { removed: 1, saved: true });
    assert.equal((await first('rename', { collection: 'notes', title: 'My notes' })).saved, true);
    assert.equal(files.size, 2);
    const second = await worker();
    const { collections } = await second('collections');
    assert.deepEqual(collections.map((/** @type {any} */ each) => [each.title, each.documents, each.open]), [['My notes', 11, false]]);
    const opened = await second('open', { collection: 'notes', keep: true });
    assert.deepEqual([opened.documents, opened.title, opened.saved], [11, 'My notes', true]);
    const again = await second('add', { collection: 'notes', documents: NOTES });
    assert.deepEqual([again.added, again.unchanged, again.saved], [1, 11, true]);
    const { hits } = await second('search', { collection: 'notes', query: 'number7' });
    assert.equal(hits[0].id, 'n7');
});

test('a full disk is told, nothing is lost, and the next commit stores it', async () => {
    const first = await worker();
    await first('open', { collection: 'notes', keep: true });
    isFull = true;
    const added = await first('add', { collection: 'notes', documents: [{ id: 'new', title: 'while it was full' }] });
    assert.deepEqual([added.added, added.saved, added.fault.code], [1, false, 'storage']);
    isFull = false;
    assert.equal((await (await worker())('open', { collection: 'notes', keep: true })).documents, 12);
    assert.equal((await first('commit', { collection: 'notes' })).saved, true);
    assert.equal((await (await worker())('open', { collection: 'notes', keep: true })).documents, 13);
});

test('a collection is carried as bytes and leaves nothing when it is deleted', async () => {
    const ask = await worker();
    const { bytes, name } = await ask('export', { collection: 'notes' });
    assert.ok(bytes instanceof Uint8Array);
    assert.equal(name, 'My-notes.findling.zip');
    assert.equal((await ask('import', { collection: 'copy', bytes, title: 'Copy' })).documents, 13);
    const found = await ask('search', { collection: 'copy', query: 'number9' });
    assert.equal(found.hits[0].id, 'n9');
    const broken = bytes.slice();
    broken[broken.length >> 1] ^= 1;
    assert.equal((await ask('import', { collection: 'broken', bytes: broken })).code, 'bad_format');
    for (const collection of ['notes', 'copy']) assert.deepEqual(await ask('delete', { collection }), {});
    assert.deepEqual([...files.keys()], []);
});
