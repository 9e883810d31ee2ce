// @ts-check
// The same text gives the same vector bytes on every tier.
// Owns the comparison with the golden digest, which the native engine made. Invariant: all 500 texts, no tolerance.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { BACKENDS, built, bytes, model, start, value } from "./tiers.mjs";

const golden = JSON.parse(built("tests/golden/vectors.json").toString());

for (const backend of BACKENDS) {
  test(`${backend} gives 500 texts the vectors of the native engine, byte for byte`, async () => {
    const { engine } = await start({ backend });
    assert.equal(value(engine.load_model(model())).digest, golden.model, "the golden vectors are of another model file");
    assert.equal(value(engine.adopt_model(model())).digest, golden.model);
    const vectors = engine.embed(bytes({ texts: golden.texts, kind: "passage" }));
    assert.equal(vectors.length, 500 * 384 * 4);
    assert.equal(createHash("sha256").update(vectors).digest("hex"), golden.sha256);
    engine.free();
  });
}
