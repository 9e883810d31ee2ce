// @ts-check
// One tier of the engine behind standard input and output, so that the contract table of Python runs over it.
// Owns the lines: {method, arguments} in, {result} or {error} out, bytes as {"$base64"}. Must not know what a method
// means. Invariant: every line in gets one line out, in order.
//
//   node node_engine.mjs FOLDER BACKEND

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { loadEngine } from "../../web/engine.js";

const [folder, backend] = process.argv.slice(2);
const base = pathToFileURL(join(folder, "/"));
const js = `findling-${backend}.js`;
const files = { [backend]: backend === "js" ? { js } : { js, wasm: `findling-${backend}.wasm` } };
const { engine, VectorIndex, pack, inspect, compute } = await loadEngine({ files, base, backend, read: (url) => readFile(url) });

/** Vector indexes by number, which the other side names as the first argument. @type {any[]} */
const indexes = [];

/** @type {Record<string, any>} */
const free = {
  pack,
  inspect,
  compute,
  make_index: (/** @type {Uint8Array} */ request) => indexes.push(new VectorIndex(request)) - 1,
  load_index: (/** @type {Uint8Array} */ bytes) => indexes.push(VectorIndex.load(bytes)) - 1,
  index: (/** @type {number} */ number, /** @type {string} */ method, /** @type {any[]} */ ...values) => indexes[number][method](...values),
};

/** @param {any} value */
const revive = (value) => (value?.$base64 === undefined ? value : new Uint8Array(Buffer.from(value.$base64, "base64")));

/** @param {any} value */
const plain = (value) => (value instanceof Uint8Array ? { $base64: Buffer.from(value).toString("base64") } : value ?? null);

/** @param {string} line */
function answer(line) {
  const { method, arguments: given } = JSON.parse(line);
  try {
    const values = given.map(revive);
    return { result: plain(method in free ? free[method](...values) : /** @type {any} */ (engine)[method](...values)) };
  } catch (error) {
    const { code = null, message, detail = null } = /** @type {any} */ (error);
    return { error: { code, message: String(message), detail } };
  }
}

console.log(JSON.stringify({ result: engine.backend() }));
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(line)));
