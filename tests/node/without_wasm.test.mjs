// @ts-check
// A host without WebAssembly: the js tier alone carries everything.
// Owns a process in which WebAssembly is deleted before any of our modules is loaded. Invariant: no tier that needs
// WebAssembly is even fetched.

import assert from "node:assert/strict";
import { test } from "node:test";

Reflect.deleteProperty(globalThis, "WebAssembly");
const { bytes, model, read, start, value } = await import("./tiers.mjs");

test("with WebAssembly deleted the js tier is chosen, embeds and searches", async () => {
  assert.equal(typeof WebAssembly, "undefined");
  const asked = /** @type {string[]} */ ([]);
  const { engine, backend, tried } = await start({ read: (url) => (asked.push(url.href), read(url)) });
  assert.equal(backend, "js");
  assert.deepEqual(asked, []);
  assert.deepEqual(tried.map((each) => [each.backend, each.error.code]), [
    ["wasm-relaxed", "no_wasm"],
    ["wasm-simd", "no_wasm"],
    ["wasm-scalar", "no_wasm"],
  ]);
  engine.load_model(model());
  engine.open(bytes({ index: "notes" }));
  const documents = ["a rocket flies to the moon", "a cake for the birthday"].map((text, at) => ({ id: `${at}`, passages: [text], record: { text } }));
  engine.add(bytes({ index: "notes", documents }));
  const { hits } = value(engine.search(bytes({ index: "notes", text: "space travel" })));
  assert.deepEqual(hits.map((/** @type {any} */ hit) => hit.id), ["0", "1"]);
});

test("a wasm tier asked for by name is refused with the code no_wasm", async () => {
  await assert.rejects(start({ backend: "wasm-scalar" }), { code: "no_wasm" });
});
