// Collections in browser storage: old or new after every fault and at every end of a worker, in files and in a database.
// Owns the faults; knows nothing of collections. Invariant under test: what a write promised is there, what it refused changed nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Storage } from "../../web/storage.js";
import { Origin, refusal } from "./origin.mjs";

const POINTER = "files/collection.findling";
const SEGMENT = "files/segment-0123456789abcdef.findling";
/** @param {string} text */
const bytes = (text) => new TextEncoder().encode(text);
/** @param {number} length */
const many = (length) => Uint8Array.from({ length }, (_, k) => (k * 7) % 251);
const PLACES = /** @type {const} */ ([["opfs", {}], ["indexeddb", { files: false }], ["memory", { files: false, database: false }]]);
const LASTING = PLACES.slice(0, 2);

/** @param {Storage} storage @param {string} file @param {number} offset @param {number} length */
const read = async (storage, file, offset, length) => (await storage.readRanges(file, [[offset, length]]))[0];

/** @param {Storage} storage @param {string} file @returns {Promise<string|null>} */
async function textOf(storage, file) {
  try {
    return new TextDecoder().decode(await read(storage, file, 0, await storage.size(file)));
  } catch (cause) {
    assert.equal(/** @type {any} */ (cause).code, "not_found");
    return null;
  }
}

for (const [kind, allowed] of PLACES) {
  test(`${kind}: what is written is read, in ranges, by another worker too, and goes`, async () => {
    const origin = new Origin();
    let storage = new Storage(origin.host(allowed));
    assert.equal(storage.status.kind, null);
    const long = many((4 << 20) * 2 + 5);
    await storage.write(POINTER, bytes("old"));
    const before = Date.now();
    await storage.write(POINTER, bytes("the new one"));
    await storage.write(SEGMENT, long);
    if (kind === "opfs") assert.equal(origin.files.size, 2, "of a file that was replaced one slot is left");
    if (kind !== "memory") storage = new Storage(origin.again().host(allowed));
    assert.deepEqual(await storage.names("files/"), [POINTER, SEGMENT]);
    assert.deepEqual(await storage.names("other/"), []);
    assert.equal(storage.status.kind, kind);
    assert.equal(storage.status.reason === null, kind === "opfs");
    assert.equal(await textOf(storage, POINTER), "the new one");
    const { files: saved = NaN } = storage.status.saved_ms;
    assert.ok(kind === "memory" ? Number.isNaN(saved) : saved >= before && saved <= Date.now());
    assert.equal(new TextDecoder().decode(await read(storage, POINTER, 4, 3)), "new");
    assert.equal(await storage.size(SEGMENT), long.length);
    for (const [from, length] of [[0, 3], [(4 << 20) - 2, 4], [(4 << 20) * 2, 100], [5, (4 << 20) * 2], [long.length, 1]]) {
      assert.deepEqual(await read(storage, SEGMENT, from, length), long.slice(from, from + length));
    }
    const ranges = /** @type {[number, number][]} */ ([[(4 << 20) + 1, 2], [0, 3], [(4 << 20) - 2, 4], [long.length - 2, 9], [long.length + 9, 1], [7, 0]]);
    assert.deepEqual(await storage.readRanges(SEGMENT, ranges), ranges.map(([from, length]) => long.slice(from, from + length)));
    assert.deepEqual(await storage.readRanges(POINTER, [[4, 3], [0, 3]]), [bytes("new"), bytes("the")]);
    await storage.remove(POINTER);
    await storage.remove(POINTER);
    await storage.remove(SEGMENT);
    assert.deepEqual(await storage.names(), []);
    await assert.rejects(storage.size(POINTER), { code: "not_found" });
    await assert.rejects(read(storage, SEGMENT, 0, 1), { code: "not_found" });
    await assert.rejects(storage.readRanges(SEGMENT, [[0, 1], [1, 1]]), { code: "not_found" });
  });
}

for (const [kind, allowed] of LASTING) {
  test(`${kind}: many ranges of a file are hardly more calls of the browser than one`, async () => {
    const origin = new Origin();
    const storage = new Storage(origin.host(allowed));
    await storage.write(SEGMENT, many(1000));
    /** @param {[number, number][]} ranges */
    const calls = async (ranges) => {
      const before = origin.calls;
      await storage.readRanges(SEGMENT, ranges);
      return origin.calls - before;
    };
    const one = await calls([[0, 10]]);
    // Each is read, but nothing is opened again.
    assert.ok((await calls([[0, 10], [500, 10], [900, 10]])) <= one + 2);
  });
}

for (const [kind, allowed] of LASTING) {
  for (const how of /** @type {const} */ (["refuse", "end"])) {
    test(`${kind}: old or new, at every call that fails or is the last (${how})`, async () => {
      let n = 0;
      for (let more = true; more; ) {
        n++;
        const origin = new Origin();
        const before = new Storage(origin.host(allowed));
        await before.write(SEGMENT, bytes("old bytes"));
        await before.write(POINTER, bytes("old"));
        const other = "files/segment-fedcba9876543210.findling";
        origin.fail(n, how);
        const done = await before
          .write(other, bytes("new bytes"))
          .then(() => before.write(POINTER, bytes("new")))
          .then(() => before.remove(SEGMENT))
          .then(() => true, (cause) => (assert.equal(cause.code, "storage"), false));
        more = origin.calls >= n;
        const storage = new Storage(origin.again().host(allowed));
        const pointer = await textOf(storage, POINTER);
        assert.ok(pointer === "new" || (pointer === "old" && !done), `call ${n}: ${pointer}`);
        assert.equal(await textOf(storage, pointer === "new" ? other : SEGMENT), `${pointer} bytes`);
        // And it goes on from there.
        await storage.write(other, bytes("new bytes"));
        await storage.write(POINTER, bytes("newer"));
        assert.equal(await textOf(storage, POINTER), "newer");
        assert.equal(await textOf(storage, other), "new bytes");
      }
      assert.ok(n > (kind === "opfs" ? 20 : 3), `${n} calls`);
    });
  }

  test(`${kind}: removing ends with the file or without it, at every call`, async () => {
    let n = 0;
    for (let more = true; more; ) {
      n++;
      const origin = new Origin();
      const before = new Storage(origin.host(allowed));
      await before.write(POINTER, bytes("first"));
      // A worker ended before it could remove the slot of the first one.
      const first = new Map(origin.files);
      await before.write(POINTER, bytes("last"));
      for (const [name, data] of first) origin.files.set(name, data);
      origin.fail(n, "end");
      await before.remove(POINTER).catch(() => undefined);
      more = origin.calls >= n;
      assert.notEqual(await textOf(new Storage(origin.again().host(allowed)), POINTER), "first");
    }
  });

  test(`${kind}: without room the old one stays, what was written of the new one goes, and how much is missing is told`, async () => {
    const origin = new Origin();
    const storage = new Storage(origin.host(allowed));
    await storage.write(POINTER, bytes("old"));
    const before = origin.used;
    origin.room = 6 << 20;
    await assert.rejects(storage.write(SEGMENT, many(12 << 20)), (/** @type {any} */ cause) => {
      assert.equal(cause.code, "storage");
      assert.equal(cause.detail.reason, "quota");
      assert.ok(cause.detail.missing_bytes > 0 && cause.detail.missing_bytes <= 12 << 20);
      return /MB are missing/.test(cause.message);
    });
    assert.equal(origin.used, before);
    assert.equal(await textOf(storage, POINTER), "old");
    origin.room = 0;
    await assert.rejects(storage.write(POINTER, bytes("new")), { code: "storage" });
    assert.equal(await textOf(storage, POINTER), "old");
    origin.room = Infinity;
    await storage.write(POINTER, bytes("new"));
    assert.equal(await textOf(storage, POINTER), "new");
  });

  test(`${kind}: what was evicted is not found, and can be written again`, async () => {
    const origin = new Origin();
    const storage = new Storage(origin.host(allowed));
    await storage.write(POINTER, bytes("old"));
    origin.files.clear();
    origin.folder = false;
    for (const kept of origin.stores.values()) kept.clear();
    assert.equal(await textOf(storage, POINTER), null);
    assert.deepEqual(await storage.names(), []);
    await storage.write(POINTER, bytes("new"));
    assert.equal(await textOf(storage, POINTER), "new");
  });

  test(`${kind}: one worker writes a collection, until it lets go or ends`, async () => {
    const origin = new Origin();
    const [first, second] = [new Storage(origin.host(allowed)), new Storage(origin.host(allowed))];
    assert.equal(await first.claim("files"), true);
    assert.equal(await first.claim("files"), true);
    assert.equal(await second.claim("files"), false);
    assert.equal(await second.claim("other"), true);
    first.release("files");
    await new Promise(setImmediate);
    assert.equal(await second.claim("files"), true);
  });
}

test("a browser that counts less than it was given had no room", async () => {
  const origin = new Origin();
  const host = origin.host();
  const storage = new Storage(host);
  await storage.write(POINTER, bytes("old"));
  const { getDirectory } = host.navigator.storage;
  host.navigator.storage.getDirectory = async () => {
    const root = await getDirectory();
    return { getDirectoryHandle: async (/** @type {any} */ ...args) => lying(await root.getDirectoryHandle(...args)) };
  };
  await assert.rejects(storage.write(POINTER, bytes("new")), { code: "storage" });
  assert.equal(await textOf(storage, POINTER), "old");
});

/** @param {any} folder */
function lying(folder) {
  return {
    ...folder,
    async getFileHandle(/** @type {any} */ ...args) {
      const file = await folder.getFileHandle(...args);
      return { createSyncAccessHandle: async () => ({ ...(await file.createSyncAccessHandle()), write: () => 4294967288 }) };
    },
  };
}

test("a file that another tab has open is waited for", async () => {
  const origin = new Origin();
  const storage = new Storage(origin.host());
  await storage.write(SEGMENT, bytes("data"));
  for (const name of origin.files.keys()) origin.open.add(name);
  assert.equal(await textOf(storage, SEGMENT), "data");
});

test("a file that stays locked is said with a code", async () => {
  const origin = new Origin();
  const storage = new Storage({ ...origin.host(), pause: async () => undefined });
  await storage.write(SEGMENT, bytes("data"));
  for (const name of origin.files.keys()) origin.open.add(name);
  await assert.rejects(read(storage, SEGMENT, 0, 1), (/** @type {any} */ cause) => cause.code === "storage" && cause.detail.reason === "NoModificationAllowedError");
});

test("a slot with a flipped byte is no file", async () => {
  const origin = new Origin();
  const storage = new Storage(origin.host());
  await storage.write(POINTER, bytes("data"));
  for (const data of origin.files.values()) data[data.length - 1] ^= 1;
  assert.equal(await textOf(storage, POINTER), null);
});

test("where nothing is allowed it is memory, and why is said; without locks as well", async () => {
  const denied = new Storage(new Origin().host({ files: false, database: false }));
  await denied.write(POINTER, bytes("data"));
  assert.equal(denied.status.kind, "memory");
  assert.match(denied.status.reason ?? "", /denied.*no database/);
  assert.equal(await denied.claim("files"), true);
  const insecure = new Storage(new Origin().host({ locks: false }));
  assert.deepEqual(await insecure.names(), []);
  assert.match(insecure.status.reason ?? "", /not served securely/);
});

test("a name may be anything", async () => {
  const storage = new Storage(new Origin().host());
  const names = ["..", ".", "a/b+0", "a b", "ü/ß%2F", "x".repeat(300)];
  for (const name of names) await storage.write(name, bytes(name));
  assert.deepEqual(await storage.names(), [...names].sort());
  for (const name of names) assert.equal(await textOf(storage, name), name);
  await assert.rejects(storage.write("\ud800", bytes("x")), { code: "storage" });
  assert.equal(refusal("X").name, "X");
});
