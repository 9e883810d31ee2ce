// The measurements of bench/lexical.py inside a page: this project's engine and MiniSearch over the same records.
//
// Owns the loops and their clocks. Must not know which figures are wanted of it. Invariant: both sides are
// timed alike; of several rounds the least counts.

import MiniSearch from "./minisearch/dist/es/index.js";
import { loadEngine } from "./web/engine.js";

const LIMIT = 10;
/** A query is called again until so many ms have passed: the clock has steps of a tenth. */
const ROUND_MS = 2;
const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const value = (reply) => JSON.parse(new TextDecoder().decode(reply));

/** @type {{engine: any, index: string, vectors: Float32Array}} */
let ours;
/** @type {MiniSearch} */
let peer;

export async function setUp(backend, index) {
  const js = `engine/findling-${backend}.js`;
  const files = { [backend]: backend === "js" ? { js } : { js, wasm: `engine/findling-${backend}.wasm` } };
  const { engine } = await loadEngine({ files, base: location.href, backend });
  const file = new Uint8Array(await (await fetch("index.findling")).arrayBuffer());
  ours = { engine, index, vectors: new Float32Array(await (await fetch("queries.f32")).arrayBuffer()) };
  answered(() => engine.open(bytes({ index, file: "index.findling", length: file.length })), file);
  // What removes nothing asks for everything, records too; the first search prepares the words.
  answered(() => engine.remove(bytes({ index, ids: [] })), file);
  answered(() => engine.search(bytes(words("warm"))), file);
}

/** Calls until the engine has every range it asks for. */
function answered(ask, file) {
  for (;;) {
    const { need } = value(ask());
    if (!need) return;
    for (const { file: name, offset, length } of need) ours.engine.provide(name, offset, file.slice(offset, offset + length));
  }
}

const words = (text) => ({ index: ours.index, words: { text }, limit: LIMIT });

/** Indexes with MiniSearch; its index as JSON. */
export async function buildPeer() {
  const records = await (await fetch("records.json")).json();
  peer = new MiniSearch({ fields: ["title", "text"], searchOptions: { boost: { title: 2 } } });
  peer.addAll(records);
  return JSON.stringify(peer);
}

/** The least ms of a call for each query, of so many rounds. */
export function timed(side, texts, repeats) {
  const requests = texts.map((text) => bytes(words(text)));
  return each(texts.length, repeats, side === "peer" ? (at) => peer.search(texts[at]).slice(0, LIMIT) : (at) => value(ours.engine.search(requests[at])));
}

/** The same for words and a ready vector. */
export function hybrid(texts, repeats, more) {
  const dim = ours.vectors.length / texts.length;
  const vector = (at) => [...ours.vectors.subarray(at * dim, (at + 1) * dim)];
  const requests = texts.map((text, at) => bytes({ ...words(text), vector: vector(at), ...more }));
  return each(texts.length, repeats, (at) => {
    if (!value(ours.engine.search(requests[at])).hits) throw new Error("the index was not read whole before it was timed");
  });
}

function each(count, repeats, call) {
  const least = new Array(count).fill(Infinity);
  for (let turn = 0; turn < repeats; turn++) {
    for (let at = 0; at < count; at++) {
      const start = performance.now();
      let calls = 0;
      let passed = 0;
      while (passed < ROUND_MS) {
        call(at);
        calls++;
        passed = performance.now() - start;
      }
      least[at] = Math.min(least[at], passed / calls);
    }
  }
  return least;
}
