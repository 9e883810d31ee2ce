// Folders that are dropped, as files: entries made here. Owns them; knows nothing of pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, picked } from '../../web/folders.js';

const file = (name, text) => ({ name, isFile: true, isDirectory: false, file: done => done(new File([text], name, { type: 'text/plain', lastModified: 7 })) });
const gone = name => ({ name, isFile: true, isDirectory: false, file: (_, failed) => failed(new Error('gone')) });
const folder = (name, inner) => ({
    name, isFile: false, isDirectory: true,
    createReader() {
        const left = [...inner];
        // Two at a time, as browsers tell a hundred.
        return { readEntries: done => done(left.splice(0, 2)) };
    },
});
const carried = (entries, files = []) => ({ items: entries.map(entry => ({ kind: 'file', webkitGetAsEntry: () => entry })), files });

test('a folder gives its files in the order of their paths, hidden ones left out', async () => {
    const notes = folder('notes', [file('z.txt', 'z'), folder('b', [file('c.md', 'c'), gone('d.md')]), folder('.git', [file('config', 'no')]), file('.hidden', 'no'), file('a.txt', 'a')]);
    const { files, handles } = await dropped(carried([notes, file('alone.txt', 'x')]));
    assert.equal(handles, null);
    assert.deepEqual(files.map(each => each.name), ['notes/a.txt', 'notes/b/c.md', 'notes/z.txt', 'alone.txt']);
    assert.deepEqual(await Promise.all(files.map(each => each.text())), ['a', 'c', 'z', 'x']);
    assert.equal(files[0].lastModified, 7);
});

test('files alone are taken as they are', async () => {
    const plain = [new File(['a'], 'a.txt')];
    assert.equal((await dropped(carried([file('a.txt', 'a')], plain))).files[0], plain[0]);
    assert.deepEqual((await dropped(carried([null], plain))).files.map(each => each.name), ['a.txt']);
});

const fileHandle = (name, text) => ({ kind: 'file', name, getFile: async () => new File([text], name, { lastModified: 7 }) });
const folderHandle = (name, inner) => ({
    kind: 'directory', name,
    async *values() {
        yield* inner;
    },
});
const item = handle => ({ kind: 'file', getAsFileSystemHandle: async () => handle, getAsFile: () => new File(['p'], 'plain.png') });

test('by handles a folder gives the same files in the same order, and what has no handle is taken as a file', async () => {
    const lost = { kind: 'file', name: 'lost.md', getFile: () => Promise.reject(new Error('gone')) };
    const closed = { kind: 'directory', name: 'closed', values: () => { throw new Error('not allowed'); } };
    const notes = folderHandle('notes', [fileHandle('z.txt', 'z'), closed, folderHandle('b', [lost, fileHandle('c.md', 'c')]), folderHandle('.git', [fileHandle('config', 'no')]), fileHandle('a.txt', 'a')]);
    const { files, handles } = await dropped({ items: [item(notes), item(fileHandle('alone.txt', 'x'))], files: [] });
    assert.deepEqual(files.map(each => each.name), ['notes/a.txt', 'notes/b/c.md', 'notes/z.txt', 'alone.txt']);
    assert.equal(files[0].lastModified, 7);
    assert.deepEqual(handles.map(each => each.name), ['notes', 'alone.txt']);
    const mixed = await dropped({ items: [item(null), item(fileHandle('alone.txt', 'x'))], files: [] });
    assert.deepEqual(mixed.files.map(each => each.name), ['plain.png', 'alone.txt']);
    assert.equal(mixed.handles, null);
    const guarded = { kind: 'file', getAsFileSystemHandle: () => Promise.reject(new Error('guarded')), webkitGetAsEntry: () => folder('Downloads', [file('a.txt', 'a')]) };
    assert.deepEqual((await dropped({ items: [guarded], files: [] })).files.map(each => each.name), ['Downloads/a.txt']);
});

test('what is picked comes by handles; the input picks where there are none or the page may not, and nothing does where nobody chose', async () => {
    let clicked = 0;
    const picker = { click: () => clicked++ };
    assert.equal(await picked(picker), null);
    assert.equal(clicked, 1);
    try {
        globalThis.showOpenFilePicker = async ({ multiple }) => [fileHandle(`${multiple}.txt`, 'x')];
        const { files, handles } = await picked(picker);
        assert.deepEqual([files[0].name, handles[0].name, clicked], ['true.txt', 'true.txt', 1]);
        globalThis.showOpenFilePicker = () => Promise.reject(Object.assign(new Error('nobody chose'), { name: 'AbortError' }));
        assert.equal(await picked(picker), null);
        assert.equal(clicked, 1);
        globalThis.showOpenFilePicker = () => Promise.reject(Object.assign(new Error('inside another page'), { name: 'SecurityError' }));
        assert.equal(await picked(picker), null);
        assert.equal(clicked, 2);
    } finally {
        delete globalThis.showOpenFilePicker;
    }
});
