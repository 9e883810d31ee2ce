// The measurements of bench/_gemm.py inside a page: each tier's linear layer, its two baselines, turn by turn.
//
// Owns the loops and their clocks. Must not know which figures are wanted. Invariant: what is compared is measured in turns, so
// that whatever else the machine does falls on both; results are those of the hand-written multiplication, bit for bit.

import { multiply } from "./gemm.js";

/** Multiply-accumulates in one iteration of peak.rs. */
const PEAK_MACS = 12 * 16;
const MACS_A_TURN = { "wasm-relaxed": 1e8, "wasm-simd": 6e7, "wasm-scalar": 1e7, js: 5e6 };

async function load(name) {
  if (name === "js") return await import("./js.js");
  const { instance } = await WebAssembly.instantiate(await (await fetch(`${name}.wasm`)).arrayBuffer());
  return instance.exports;
}

/** A side to be measured: `run(times)` does `macs` each time. */
function side(macs, aTurn, run) {
  const times = Math.max(1, Math.round(aTurn / macs));
  return { macs: macs * times, least: Infinity, run: () => run(times) };
}

function turn(each) {
  const start = performance.now();
  each.run();
  each.least = Math.min(each.least, performance.now() - start);
}

const rate = (each) => each.macs / each.least / 1e6;

/** The same layer for the multiplication by hand, as a view of the module's memory. */
function byHand(engine, rows, inputs, outputs) {
  const view = (type, part, length) => new type(engine.memory.buffer, engine.address(part), length);
  const layer = {
    weights: view(Uint8Array, 0, inputs * outputs).slice(),
    scale: view(Float32Array, 1, outputs).slice(),
    bias: view(Float32Array, 2, outputs).slice(),
    columnSums: view(Float32Array, 3, outputs).slice(),
  };
  const codes = view(Int8Array, 4, rows * inputs).slice();
  const scales = view(Float32Array, 5, rows * 3).slice();
  const to = new Float32Array(rows * outputs);
  return { to, run: () => multiply(codes, scales, layer, inputs, outputs, to), results: () => view(Uint32Array, 6, rows * outputs) };
}

/** GMAC/s of tier `name`, of the relaxed dot product alone and of the multiplication by hand, each the best of `turns`. */
export async function measure(name, rows, inputs, outputs, turns) {
  const [engine, peak] = [await load(name), await load("peak")];
  engine.set_up(rows, inputs, outputs);
  const hand = byHand(engine, rows, inputs, outputs);
  engine.run(1, 0);
  hand.run();
  const bits = new Uint32Array(hand.to.buffer);
  const wrong = hand.results().findIndex((value, at) => value !== bits[at]);
  if (wrong >= 0) throw new Error(`${name}: result ${wrong} of ${bits.length} is not that of the multiplication by hand`);
  const macs = rows * inputs * outputs;
  const cell = peak.memory.buffer.byteLength - 1024;
  new Uint8Array(peak.memory.buffer, cell).forEach((_, i, all) => { all[i] = i % 100; });
  const sides = [
    side(macs, MACS_A_TURN[name], (times) => engine.run(times, 0)),
    side(PEAK_MACS, 1e8, (times) => peak.relaxed_dot(cell, times)),
    side(macs, 5e6, (times) => { for (let i = 0; i < times; i++) hand.run(); }),
  ];
  for (let i = 0; i < turns; i++) sides.forEach(turn);
  return sides.map(rate);
}
