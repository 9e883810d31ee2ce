// @ts-check
// The loader's choice among the tiers, and its fall from one to the next.
// Owns hosts that lack something, made by taking it away. Invariant: no fault is silent, each appears in `tried` or is thrown.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { guarded, probe } from "../../web/engine.js";
import { FILES, bytes, model, read, start, value } from "./tiers.mjs";

/**
 * Runs `body` on a host whose WebAssembly has other members.
 *
 * @param {Record<string, unknown>} members
 * @param {() => Promise<void>} body
 */
async function withWebAssembly(members, body) {
  const before = Object.fromEntries(Object.keys(members).map((name) => [name, Reflect.get(WebAssembly, name)]));
  Object.assign(WebAssembly, members);
  try {
    await body();
  } finally {
    Object.assign(WebAssembly, before);
  }
}

const withoutSimd = { validate: () => false };

/** @param {string} name */
const failing = (name) => (/** @type {URL} */ url) => (url.href.includes(name) ? Promise.reject(new Error("connection lost")) : read(url));

test("the fastest tier is chosen and nothing was tried before it", async () => {
  assert.deepEqual(probe(), { wasm: true, compile: true, simd: true, relaxed: true });
  const { backend, engine, tried } = await start();
  assert.equal(backend, "wasm-relaxed");
  assert.equal(engine.backend(), "wasm-relaxed");
  assert.deepEqual(tried, []);
});

test("without SIMD the scalar tier is chosen and the others say why not", async () => {
  await withWebAssembly(withoutSimd, async () => {
    const { backend, tried } = await start();
    assert.equal(backend, "wasm-scalar");
    assert.deepEqual(tried.map((each) => [each.backend, each.error.code]), [["wasm-relaxed", "unsupported"], ["wasm-simd", "unsupported"]]);
  });
});

test("without SIMD and without the scalar file the js tier is chosen by itself", async () => {
  await withWebAssembly(withoutSimd, async () => {
    const { backend, tried } = await start({ read: failing("scalar") });
    assert.equal(backend, "js");
    assert.equal(tried[2].backend, "wasm-scalar");
    assert.equal(tried[2].error.code, "network");
    assert.match(tried[2].error.message, /connection lost/);
  });
});

test("where a policy forbids compiling, the js tier is chosen and the reason names the policy", async () => {
  const forbidden = class {
    constructor() {
      throw new WebAssembly.CompileError("blocked by CSP");
    }
  };
  await withWebAssembly({ Module: forbidden }, async () => {
    assert.equal(probe().compile, false);
    const { backend, tried } = await start();
    assert.equal(backend, "js");
    assert.equal(tried[0].error.code, "no_wasm");
    assert.match(tried[0].error.message, /wasm-unsafe-eval/);
  });
});

test("a tier asked for by name is never replaced by another", async () => {
  await withWebAssembly(withoutSimd, async () => {
    await assert.rejects(start({ backend: "wasm-simd" }), { code: "unsupported" });
  });
  await assert.rejects(start({ backend: "wasm-simd", read: failing("simd") }), { code: "network" });
  await assert.rejects(start({ backend: "native" }), { code: "unsupported" });
});

test("a missing file is a network error with its status, a page in its place is refused", async () => {
  const missing = () => Promise.resolve(new Response("not here", { status: 404 }));
  await assert.rejects(start({ backend: "wasm-simd", read: missing }), (/** @type {any} */ error) => {
    assert.equal(error.code, "network");
    assert.equal(error.detail.status, 404);
    return true;
  });
  const page = () => Promise.resolve(new Response("<!doctype html>", { headers: { "content-type": "text/html" } }));
  await assert.rejects(start({ backend: "wasm-simd", read: page }), { code: "unsupported" });
});

test("a module served with the wrong type still loads", async () => {
  const { backend } = await start({
    backend: "wasm-simd",
    read: async (url) => new Response(await readFile(url), { headers: { "content-type": "application/octet-stream" } }),
  });
  assert.equal(backend, "wasm-simd");
});

test("the files of another tier are noticed", async () => {
  const files = { "wasm-simd": FILES["wasm-scalar"] };
  await assert.rejects(start({ files, backend: "wasm-simd" }), { code: "bug" });
});

test("when no tier starts, the error tells of every tier", async () => {
  await assert.rejects(start({ files: {} }), (/** @type {any} */ error) => {
    assert.equal(error.code, "unsupported");
    assert.deepEqual(error.detail.tried.map((/** @type {any} */ each) => each.backend), ["wasm-relaxed", "wasm-simd", "wasm-scalar", "js"]);
    return true;
  });
});

test("an engine's failure arrives as an Error with code and detail", async () => {
  const { engine } = await start({ backend: "js" });
  assert.throws(() => engine.search(bytes({ index: "none", vector: [1] })), (/** @type {any} */ error) => {
    assert.ok(error instanceof Error);
    assert.equal(/** @type {any} */ (error).code, "not_found");
    assert.equal(typeof (/** @type {any} */ (error).detail), "object");
    return true;
  });
});

test("a dumped index is opened and searched from JavaScript by answering needs", async () => {
  const { engine } = await start({ backend: "wasm-simd" });
  engine.load_model(model());
  engine.open(bytes({ index: "many" }));
  const documents = Array.from({ length: 400 }, (_, at) => ({ id: `d${at}`, passages: [`number ${at}`], record: { at, filler: "x".repeat(200) } }));
  engine.add(bytes({ index: "many", documents }));
  const plan = { index: "many", text: "number 7", limit: 3 };
  const wanted = value(engine.search(bytes(plan)));
  const file = engine.dump(bytes({ index: "many" }));
  engine.close(bytes({ index: "many" }));

  let provided = 0;
  /** @param {"open" | "search"} method @param {unknown} request */
  const answered = (method, request) => {
    for (let turn = 0; turn < 10; turn++) {
      const reply = value(engine[method](bytes(request)));
      if (!reply.need) return reply;
      for (const { file: name, offset, length } of reply.need) {
        assert.equal(name, "many.findling");
        engine.provide(name, offset, file.subarray(offset, offset + length));
        provided += length;
      }
    }
    assert.fail("the same needs come again and again");
  };
  const opened = answered("open", { index: "many", file: "many.findling", length: file.length });
  assert.equal(opened.documents, 400);
  assert.ok(provided > 0 && provided < file.length, "opening does not read the whole file");
  assert.deepEqual(answered("search", plan), wanted);
});

for (const backend of ["wasm-simd", "js"]) {
  test(`a refusal of the engine ${backend} is no trap, a failure inside it is`, async () => {
    const { engine } = await start({ backend });
    /** @type {unknown[]} */
    const traps = [];
    guarded(engine, (cause) => traps.push(cause));
    assert.throws(() => engine.search(bytes({ index: "none" })), { code: "bad_request" });
    assert.deepEqual(traps, []);
    engine.free();
    assert.throws(() => engine.status());
    assert.equal(traps.length, 1);
  });
}
