// findling.browser inside Pyodide: JavaScript engine, store and messages on the outside, the application on the inside.
// Owns a JavaScript engine that is the Python reference behind Uint8Arrays, as the wasm engine is. Must not know what
// the verbs compute. Invariant under test: plain objects go in and out, errors keep their code, null and bytes survive.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Storage } from '../../web/storage.js';
import { Origin } from '../node/origin.mjs';
import { at, boot, copyFolder, mountRest } from './boot.mjs';

/** @type {(message: unknown) => void} */
let handle;
/** @type {any[]} */
let posted = [];
/** @type {(() => void)|null} */
let arrived = null;
const files = new Map();
/** What the browser keeps, and what of it another tab sees. */
const origin = new Origin();
const otherTab = new Storage(origin.host());
/** @type {any} */
let engine;
/** @type {(container: Uint8Array) => any} */
let inspect;

const store = {
    read: async (/** @type {string} */ file, /** @type {number} */ offset, /** @type {number} */ length) => found(file).slice(offset, offset + length),
    size: async (/** @type {string} */ file) => found(file).length,
    encoder: async () => 'network',
    keep: new Storage(origin.host()),
    inspect: (/** @type {Uint8Array} */ container) => {
        const told = inspect(container).toJs();
        return told;
    },
    pause: () => new Promise(resolve => setImmediate(resolve)),
    status: () => ({ source: 'cache', storage: { persisted: null }, pool: { size: 2, workers: 0, reason: null }, received_bytes: { 'a.findling': 7 } }),
    share: () => (pool.engine ? { embed: pool.embed, end: () => { pool.ended++; } } : null),
};

/** What embeds beside the engine, once it has one. */
const pool = {
    engine: /** @type {any} */ (null),
    asked: /** @type {string[][]} */ ([]),
    ended: 0,
    embed: async (/** @type {string[]} */ texts) => {
        pool.asked.push(texts);
        // Every third request is answered with nothing, as by an engine that refuses a text.
        return pool.asked.length % 3 ? pool.engine.embed(new TextEncoder().encode(JSON.stringify({ texts, kind: 'passage' }))) : null;
    },
};

/** @param {string} file */
function found(file) {
    if (!files.has(file)) throw Object.assign(new Error(`no ${file}`), { code: 'network', detail: { url: file, status: null } });
    return files.get(file);
}

/** @param {any} reference the Python engine */
function engineOver(reference) {
    /** @param {string} method @param {any[]} values */
    const call = (method, values) => {
        const reply = reference[method](...values);
        if (typeof reply !== 'object' || reply === null) return reply;
        const bytes = reply.toJs();
        reply.destroy();
        return bytes;
    };
    const methods = ['backend', 'load_model', 'adopt_model', 'load_pieces', 'tokenize', 'embed', 'open', 'provide', 'add', 'add_vectors', 'remove', 'search', 'snippets', 'records', 'dump', 'publish', 'commit', 'status', 'close'];
    const engine = Object.fromEntries(methods.map(method => [method, (/** @type {any[]} */ ...values) => call(method, values)]));
    engine.remove = () => { throw Object.assign(new Error('refused by the engine'), { code: 'wrong_space', detail: { wanted: 'a', found: null } }); };
    engine.records = () => { throw new TypeError('a fault'); };
    return engine;
}

/** @param {number} id @param {string} verb @param {object} args */
async function ask(id, verb, args = {}) {
    handle({ id, verb, args });
    for (;;) {
        const answer = posted.find(message => message.id === id && !message.progress);
        if (answer) return answer;
        await new Promise(resolve => { arrived = () => resolve(undefined); });
    }
}

before(async () => {
    const pyodide = await boot();
    mountRest(pyodide);
    await pyodide.loadPackage('numpy', { messageCallback: () => undefined });
    copyFolder(pyodide, at('py/findling'), '/application/findling');
    const reference = pyodide.runPython(`
import sys
sys.path.insert(0, "/application")
for name in [name for name in sys.modules if name.partition(".")[0] == "findling"]:
    del sys.modules[name]
from findling.reference import ReferenceEngine
class OverJs(ReferenceEngine):
    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        if name.startswith("_") or not callable(value):
            return value
        return lambda *arguments: value(*(each.to_bytes() if hasattr(each, "to_bytes") and not isinstance(each, int) else each for each in arguments))
OverJs.with_hashed_words()
`);
    inspect = pyodide.runPython('import json; from findling import reference; lambda container: json.dumps(reference.inspect(container.to_bytes())).encode()');
    const browser = pyodide.pyimport('findling.browser');
    engine = engineOver(reference);
    handle = browser.start(engine, store, (/** @type {any} */ message) => {
        posted.push(message);
        arrived?.();
    });
});

test('a file travels in as bytes, is found by its words, and travels out again', async () => {
    assert.deepEqual(await ask(1, 'open', { collection: 'mine', src: null }), {
        id: 1,
        result: { collection: 'mine', documents: 0, passages: 0, meta: {}, values: [] },
    });
    const text = new TextEncoder().encode('The lighthouse keeper sings. 🗼');
    const added = await ask(2, 'add', { collection: 'mine', files: [{ name: 'a.txt', bytes: text }, { name: 'b.txt', bytes: text.buffer }, { name: 'c.exe', bytes: text }] });
    assert.deepEqual([added.result.added, added.result.skipped.map((/** @type {any} */ each) => each.code)], [2, ['unsupported']]);
    assert.ok(posted.some(message => message.id === 2 && message.progress?.done === 2));
    const { hits } = (await ask(3, 'search', { collection: 'mine', query: 'lighthouse keeper', limit: 1 })).result;
    assert.equal(hits[0].document.text, 'The lighthouse keeper sings. 🗼');
    assert.equal(Object.getPrototypeOf(hits[0].document.meta), Object.prototype);
    const saved = (await ask(4, 'save', { collection: 'mine' })).result;
    assert.ok(saved.bytes instanceof Uint8Array);
    files.set('kept', structuredClone(saved.bytes));
    const opened = await ask(5, 'open', { collection: 'again', src: 'kept' });
    assert.equal(opened.result.documents, 2);
    assert.deepEqual((await ask(6, 'search', { collection: 'again', query: 'lighthouse keeper', limit: 1 })).result.hits, hits);
});

test('every message that is posted can be cloned to another thread', () => {
    for (const message of posted) structuredClone(message);
});

test('a collection is kept in the storage of the browser, which one worker writes, and carried elsewhere as bytes', async () => {
    assert.equal(await otherTab.claim('theirs'), true);
    assert.deepEqual((await ask(120, 'open', { collection: 'own', keep: true })).result.saved, true);
    const added = (await ask(121, 'add', { collection: 'own', documents: [{ id: 'a', text: 'a lighthouse' }] })).result;
    assert.deepEqual([added.saved, added.fault], [true, undefined]);
    const pointer = 'own/collection.findling';
    assert.ok((await otherTab.names('own/')).includes(pointer));
    const { collections } = (await ask(122, 'collections')).result;
    assert.deepEqual(collections.map((/** @type {any} */ each) => [each.collection, each.documents, each.saved]), [['own', 1, true]]);
    const exported = (await ask(123, 'export', { collection: 'own' })).result;
    assert.ok(exported.bytes instanceof Uint8Array);
    const imported = (await ask(124, 'import', { collection: 'copy', bytes: structuredClone(exported.bytes) })).result;
    assert.equal(imported.documents, 1);
    assert.deepEqual((await ask(125, 'search', { collection: 'copy', query: 'lighthouse' })).result.hits.map((/** @type {any} */ hit) => hit.id), ['a']);
    // Whether another writes it takes seconds to be sure of, which nobody waits for who only reads.
    assert.equal((await ask(126, 'open', { collection: 'theirs', keep: true })).result.claiming, true);
    const theirs = (await ask(129, 'commit', { collection: 'theirs' })).result;
    assert.deepEqual([theirs.saved, theirs.fault.code, theirs.fault.detail], [false, 'storage', { reason: 'busy' }]);
    assert.equal(await otherTab.claim('own'), false);
    for (const [n, collection] of ['own', 'copy'].entries()) await ask(127 + n, 'delete', { collection });
    assert.deepEqual(await otherTab.names(), []);
    assert.equal(await otherTab.claim('own'), true);
});

test('status tells where the model came from, with null as null', async () => {
    const { result } = await ask(10, 'status');
    assert.equal(result.model.source, 'cache');
    assert.deepEqual(result.storage, { persisted: null });
    assert.deepEqual(result.pool, { size: 2, workers: 0, reason: null });
    assert.deepEqual(result.received_bytes, { 'a.findling': 7 });
});

test('a large import is embedded by a session of the pool, with the same bytes as by the engine', async () => {
    const documents = Array.from({ length: 120 }, (_, n) => ({ id: `${n}`, text: `number${n} ${'a few words 🗼 '.repeat(15)}` }));
    const saved = [];
    for (const [index, share] of [null, engine].entries()) {
        pool.engine = share;
        const collection = `large${index}`;
        await ask(60 + 10 * index, 'open', { collection });
        const { result } = await ask(61 + 10 * index, 'add', { collection, documents });
        assert.deepEqual([result.added, result.skipped], [120, []]);
        saved.push((await ask(62 + 10 * index, 'save', { collection })).result.bytes);
    }
    pool.engine = null;
    assert.deepEqual(saved[1], saved[0]);
    assert.ok(pool.asked.length > 6);
    assert.ok(pool.asked.every(texts => Array.isArray(texts) && texts.every(text => typeof text === 'string')));
    assert.equal(pool.asked.flat()[0], documents[0].text.trim());
    assert.equal(pool.ended, 1);
});

test('an error of the store keeps code, message and detail', async () => {
    const { error } = await ask(20, 'open', { collection: 'far', src: 'https://example.org/index' });
    assert.deepEqual(error, { code: 'network', message: 'no https://example.org/index', detail: { url: 'https://example.org/index', status: null } });
});

test('an error of the engine keeps code, message and detail', async () => {
    const { error } = await ask(30, 'remove', { collection: 'mine', ids: ['a'] });
    assert.deepEqual(error, { code: 'wrong_space', message: 'refused by the engine', detail: { wanted: 'a', found: null } });
});

test('searches that wait are cancelled when messages come in a burst, and the others answered', async () => {
    for (const [index, query] of ['l', 'li', 'lig'].entries()) handle({ id: 40 + index, verb: 'search', args: { collection: 'mine', query } });
    for (const id of [40, 42]) handle({ id: id + 4, verb: 'cancel', args: { id } });
    const last = await ask(43, 'search', { collection: 'mine', query: 'lighthouse' });
    assert.equal(last.result.query, 'lighthouse');
    const answer = (/** @type {number} */ id) => posted.find(message => message.id === id);
    assert.deepEqual([40, 41, 42].map(id => answer(id).error?.code), ['aborted', undefined, 'aborted']);
    assert.equal(answer(41).result.query, 'li');
    assert.deepEqual([44, 46].map(id => answer(id).result), [{ cancelled: true }, { cancelled: true }]);
});

test('what is no request is refused, null included', async () => {
    for (const message of [null, undefined, 5, 'open', [], { id: 50, verb: 'fly', args: {} }, { id: 51, verb: 'search', args: { collection: 'mine', query: null } }]) {
        const answers = posted.length;
        handle(message);
        while (posted.length === answers) await new Promise(resolve => { arrived = () => resolve(undefined); });
        assert.equal(posted.at(-1).error.code, 'bad_request');
    }
});
