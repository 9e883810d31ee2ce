// @ts-check
// The built files hold the instructions that their names promise.
// Owns what each tier may contain; the decoding is in opcodes.mjs. Invariant: the files tested are those that are shipped.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { FIRST_RELAXED, RELAXED_DOT_ADD, RELAXED_MAX_F32, RELAXED_MAX_F64, RELAXED_MIN_F32, RELAXED_MIN_F64, countVectorInstructions } from "./opcodes.mjs";
import { FOLDER } from "./tiers.mjs";

/** @param {string} tier */
const decoded = async (tier) => countVectorInstructions(new Uint8Array(await readFile(new URL(`findling-${tier}.wasm`, FOLDER))));

/** @param {number[]} body of one function without arguments or results */
const moduleOf = (body) =>
  new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 0x0a, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b]);

test("the decoder finds a vector instruction where there is one and none in a constant that looks like one", () => {
  const splat = moduleOf([0x41, 0x00, 0xfd, 0x0f, 0x1a]);
  assert.ok(WebAssembly.validate(splat));
  assert.equal(countVectorInstructions(splat).vector, 1);
  const constant = moduleOf([0x43, 0xfd, 0x0f, 0xfd, 0x0f, 0x1a]);
  assert.ok(WebAssembly.validate(constant));
  assert.equal(countVectorInstructions(constant).vector, 0);
});

test("the decoder refuses what it does not know", () => {
  assert.throws(() => countVectorInstructions(moduleOf([0xff])), /unknown instruction/);
});

test("wasm-relaxed holds vector instructions and the relaxed dot product", async () => {
  const { functions, vector, byOpcode } = await decoded("wasm-relaxed");
  assert.ok(functions > 100);
  assert.ok(vector > 100);
  assert.ok((byOpcode.get(RELAXED_DOT_ADD) ?? 0) > 0);
});

test("wasm-relaxed holds no relaxed instruction whose result could differ between hosts", async () => {
  const { byOpcode } = await decoded("wasm-relaxed");
  const relaxed = [...byOpcode.keys()].filter((opcode) => opcode >= FIRST_RELAXED);
  // The dot product is exact for our operands. The compiler makes relaxed minimum and maximum of comparisons that hosts
  // may only answer differently for NaN, which the engine refuses, and for the sign of zero, which no later step can see.
  const allowed = [RELAXED_DOT_ADD, RELAXED_MIN_F32, RELAXED_MAX_F32, RELAXED_MIN_F64, RELAXED_MAX_F64];
  assert.deepEqual(relaxed.filter((opcode) => !allowed.includes(opcode)), []);
});

test("wasm-simd holds vector instructions, none of them relaxed", async () => {
  const { vector, relaxed } = await decoded("wasm-simd");
  assert.ok(vector > 100);
  assert.equal(relaxed, 0);
});

test("wasm-scalar holds no vector instruction", async () => {
  const { functions, vector } = await decoded("wasm-scalar");
  assert.ok(functions > 100);
  assert.equal(vector, 0);
});
