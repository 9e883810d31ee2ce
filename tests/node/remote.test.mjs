// @ts-check
// Index files on a web server, over a real server on this machine.
// Owns servers that can and cannot do things. Invariant: what is read is the bytes of one state of a file, and each byte
// that came over the network is counted once.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Remote } from "../../web/remote.js";

const BYTES = Buffer.from(Array.from({ length: 9 << 20 }, (_, at) => at % 251));
const SMALL = BYTES.subarray(0, 1000);

/** Bytes of all files. @param {Remote} remote */
const received = (remote) => Object.values(remote.received).reduce((sum, bytes) => sum + bytes, 0);

/**
 * @param {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => void} respond
 * @param {(url: string) => Promise<void>} act
 */
async function withServer(respond, act) {
  const server = createServer(respond);
  await new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  try {
    await act(`http://127.0.0.1:${port}/a.bin`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A server of one file as it should be. @param {Buffer} file @param {string[]} [asked] @param {() => string} [tag] */
const ranges = (file, asked = [], tag = () => '"one"') => (/** @type {any} */ request, /** @type {any} */ response) => {
  asked.push(request.headers.range ?? "whole");
  const found = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const [start, end] = found ? [Number(found[1]), Math.min(Number(found[2]) + 1, file.length)] : [0, file.length];
  const body = file.subarray(start, end);
  response.writeHead(found ? 206 : 200, {
    etag: tag(),
    "content-length": body.length,
    ...(found ? { "content-range": `bytes ${start}-${end - 1}/${file.length}` } : {}),
  });
  response.end(body);
};

test("a range is read without asking for the length first", async () => {
  /** @type {string[]} */
  const asked = [];
  await withServer(ranges(SMALL, asked), async (url) => {
    const remote = new Remote();
    assert.deepEqual(Buffer.from(await remote.read(url, 10, 5)), SMALL.subarray(10, 15));
    assert.equal(received(remote), 5);
    assert.equal(await remote.size(url), SMALL.length);
    assert.deepEqual(asked, ["bytes=10-14"]);
  });
});

test("a small file whose length is asked for comes whole, once", async () => {
  /** @type {string[]} */
  const asked = [];
  await withServer(ranges(SMALL, asked), async (url) => {
    const remote = new Remote();
    const [size, part] = await Promise.all([remote.size(url), remote.read(url, 1, 2)]);
    assert.equal(size, SMALL.length);
    assert.deepEqual(Buffer.from(part), SMALL.subarray(1, 3));
    assert.equal(received(remote), SMALL.length);
    assert.deepEqual(asked, ["whole"]);
  });
});

test("a large file is read in ranges after its length", async () => {
  await withServer(ranges(BYTES), async (url) => {
    const remote = new Remote();
    assert.equal(await remote.size(url), BYTES.length);
    assert.deepEqual(Buffer.from(await remote.read(url, 8 << 20, 7)), BYTES.subarray(8 << 20, (8 << 20) + 7));
    assert.equal(received(remote), 7);
  });
});

test("a server without ranges is asked once", async () => {
  let asked = 0;
  const whole = (/** @type {any} */ _, /** @type {any} */ response) => {
    asked += 1;
    response.end(SMALL);
  };
  await withServer(whole, async (url) => {
    const remote = new Remote();
    assert.deepEqual(Buffer.from(await remote.read(url, 10, 5)), SMALL.subarray(10, 15));
    assert.deepEqual(Buffer.from(await remote.read(url, 20, 5)), SMALL.subarray(20, 25));
    assert.equal(asked, 1);
    assert.equal(received(remote), SMALL.length);
  });
});

test("a file that changes while it is read is refused", async () => {
  let turn = 0;
  await withServer(ranges(SMALL, [], () => `"${turn++}"`), async (url) => {
    const remote = new Remote();
    await remote.read(url, 0, 5);
    await assert.rejects(remote.read(url, 5, 5), { code: "storage" });
    remote.release(url);
    await remote.read(url, 5, 5);
  });
});

test("a range outside the file, and another than was asked for, are refused", async () => {
  await withServer(ranges(SMALL), async (url) => {
    const remote = new Remote();
    await assert.rejects(remote.read(url, 990, 20), { code: "network" });
    await assert.rejects(remote.read(url, 990, 20), { code: "bad_request" });
    await assert.rejects(remote.read(url, -1, 2), { code: "bad_request" });
  });
  const other = (/** @type {any} */ _, /** @type {any} */ response) => {
    response.writeHead(206, { "content-range": "bytes 1-5/1000" });
    response.end(SMALL.subarray(1, 6));
  };
  await withServer(other, async (url) => {
    await assert.rejects(new Remote().read(url, 0, 5), { code: "network" });
  });
});

test("what is not there is not found, and no server is a network error", async () => {
  let closed = "";
  const missing = (/** @type {any} */ _, /** @type {any} */ response) => {
    response.writeHead(404);
    response.end();
  };
  await withServer(missing, async (url) => {
    closed = url;
    await assert.rejects(new Remote().read(url, 0, 1), { code: "not_found" });
    await assert.rejects(new Remote().size(url), { code: "not_found" });
  });
  await assert.rejects(new Remote().read(closed, 0, 1), { code: "network" });
});
