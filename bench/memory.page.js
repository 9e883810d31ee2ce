// The measurements of bench/memory.py inside a page: the engine with its model and one index file, read in ranges.
//
// Owns the calls and the reading of ranges. Must not know which figures are wanted of it. Invariant: the page itself keeps
// no bytes of the files, so that the figures are the engine's.

import { loadEngine } from "./web/engine.js";

const INDEX = "passages";
const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const value = (reply) => JSON.parse(new TextDecoder().decode(reply));

let engine;

/** Loads a tier; what `status` tells. */
export async function setUp(backend) {
  const js = `engine/findling-${backend}.js`;
  const files = { [backend]: backend === "js" ? { js } : { js, wasm: `engine/findling-${backend}.wasm` } };
  ({ engine } = await loadEngine({ files, base: location.href, backend }));
  return status();
}

export async function loadModel() {
  engine.load_model(new Uint8Array(await (await fetch("model.findling")).arrayBuffer()));
  return status();
}

export const status = () => value(engine.status());

async function range(file, offset, length) {
  const reply = await fetch(file, { headers: { Range: `bytes=${offset}-${offset + length - 1}` }, cache: "no-store" });
  if (reply.status !== 206) throw new Error(`${file}: ${reply.status}, not a range`);
  return new Uint8Array(await reply.arrayBuffer());
}

/** Calls a method until it needs nothing more. */
async function ask(method, request) {
  for (;;) {
    const reply = value(engine[method](bytes(request)));
    if (!reply.need) return reply;
    for (const { file, offset, length } of reply.need) engine.provide(file, offset, await range(file, offset, length));
  }
}

export async function open(length) {
  await ask("open", { index: INDEX, file: "index.findling", length });
  return status();
}

/** Searches for each text; how many hits there were, and what `status` tells then. */
export async function search(texts) {
  let hits = 0;
  for (const text of texts) hits += (await ask("search", { index: INDEX, text })).hits.length;
  return { hits, ...status() };
}

/** Has all records read, as every change of an index does. */
export async function readAll() {
  await ask("add", { index: INDEX, documents: [] });
  return status();
}

export function close() {
  engine.close(bytes({ index: INDEX }));
  return status();
}

/** Gives the engine itself back; only the linear memory can be told afterwards, by a new one over it. */
export async function free(backend) {
  engine.free();
  const glue = await import(`./engine/findling-${backend}.js`);
  engine = new glue.Engine();
  return status();
}
