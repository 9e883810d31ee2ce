// Folders that are dropped, as files: entries made here. Owns them; knows nothing of pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOf } from '../../web/folders.js';

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
    const dropped = folder('notes', [file('z.txt', 'z'), folder('b', [file('c.md', 'c'), gone('d.md')]), folder('.git', [file('config', 'no')]), file('.hidden', 'no'), file('a.txt', 'a')]);
    const files = await filesOf(carried([dropped, file('alone.txt', 'x')]));
    assert.deepEqual(files.map(each => each.name), ['notes/a.txt', 'notes/b/c.md', 'notes/z.txt', 'alone.txt']);
    assert.deepEqual(await Promise.all(files.map(each => each.text())), ['a', 'c', 'z', 'x']);
    assert.equal(files[0].lastModified, 7);
});

test('files alone are taken as they are', async () => {
    const plain = [new File(['a'], 'a.txt')];
    assert.equal((await filesOf(carried([file('a.txt', 'a')], plain)))[0], plain[0]);
    assert.deepEqual((await filesOf(carried([null], plain))).map(each => each.name), ['a.txt']);
});
