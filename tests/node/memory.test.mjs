// @ts-check
// What a tier has taken it uses again: its memory cannot shrink, so that opening the same index again must not grow it.
// Owns the index and the rounds. Must not know how memory is kept. Invariant: figures are those of `status`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BACKENDS, FILES, bytes, model, start, value } from "./tiers.mjs";

const DOCUMENTS = 4000;
const ROUNDS = 5;

/**
 * Calls a method until it needs nothing more, reading from `file`.
 *
 * @param {import("../../web/engine.js").Engine} engine
 * @param {"open" | "search"} method
 * @param {Record<string, unknown>} request
 * @param {Uint8Array} file
 */
function ask(engine, method, request, file) {
  for (;;) {
    const reply = value(engine[method](bytes(request)));
    if (!reply.need) return reply;
    for (const { file: name, offset, length } of reply.need) engine.provide(name, offset, file.slice(offset, offset + length));
  }
}

/**
 * @param {import("../../web/engine.js").Engine} engine
 * @param {{space: string, dim: number}} loaded
 */
function dumped(engine, { space, dim }) {
  const vectors = new Float32Array(DOCUMENTS * dim);
  let state = 1;
  for (let at = 0; at < vectors.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes, section 7.1
    vectors[at] = state / 2 ** 31 - 1;
  }
  const documents = Array.from({ length: DOCUMENTS }, (_, n) => ({ id: `document ${n}`, passages: [""], record: { title: `Title ${n}`, text: "word ".repeat(40) } }));
  engine.open(bytes({ index: "made" }));
  engine.add_vectors(bytes({ index: "made", space, documents }), new Uint8Array(vectors.buffer));
  const file = engine.dump(bytes({ index: "made" }));
  engine.close(bytes({ index: "made" }));
  return file;
}

for (const backend of BACKENDS) {
  test(`${backend} opens the same index again in the memory it has`, async () => {
    const maker = await start({ backend });
    const file = dumped(maker.engine, value(maker.engine.load_model(model())));
    maker.engine.free();

    // An instance of its own, whose memory the making of the file has not grown: a module has one, and a query makes it another module.
    const fresh = { ...FILES[backend], js: `${FILES[backend].js}?fresh` };
    const { engine } = await start({ backend, files: { [backend]: fresh } });
    engine.load_model(model());
    const before = value(engine.status());
    const memory = [];
    for (let round = 0; round < ROUNDS; round++) {
      ask(engine, "open", { index: "read", file: "f", length: file.length }, file);
      for (const text of ["a storm", "calm water", "green music"]) {
        assert.equal(ask(engine, "search", { index: "read", text }, file).hits.length, 10);
      }
      const { size_bytes, memory_bytes } = value(engine.status());
      assert.ok(size_bytes.vectors >= DOCUMENTS * 388 && size_bytes.text > before.size_bytes.text);
      engine.close(bytes({ index: "read" }));
      memory.push(memory_bytes);
    }
    assert.ok(memory[0] > before.memory_bytes, "the index lies in the memory that is told");
    assert.deepEqual(memory.slice(1), Array(ROUNDS - 1).fill(memory[1]));
    const after = value(engine.status()).size_bytes;
    assert.deepEqual([after.model, after.vectors, after.text], [before.size_bytes.model, 0, before.size_bytes.text]);
    engine.free();
  });
}
