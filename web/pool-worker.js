// @ts-check
// Owns one worker of the pool: an engine with a model, and one answer to every order it is given.
// Must not know Python, indexes, storage, or what the texts are for. Invariant: it holds the lock of its name before it says
// anything, and it answers in order; after a trap it says so and does nothing more.

import { build } from "../build.js";
import { loadEngine } from "./engine.js";
import { holdLock } from "./lock.js";

/** @typedef {import("./pool.js").Order} Order */
/** @typedef {import("./pool.js").Report} Report */
/** @typedef {{postMessage(message: Report, transfer?: Transferable[]): void, addEventListener(type: "message", listener: (event: {data: Order}) => void): void, name: string, close(): void}} Scope */

const scope = /** @type {Scope} */ (/** @type {unknown} */ (globalThis));

start().catch(fail);

async function start() {
  await holdLock(scope.name);
  const backend = new URL(import.meta.url).searchParams.get("backend");
  const { engine } = await loadEngine({ files: build.engine, base: new URL("../build.js", import.meta.url), backend });
  scope.addEventListener("message", ({ data }) => {
    try {
      answer(engine, data);
    } catch (cause) {
      fail(cause);
    }
  });
  scope.postMessage({ started: true });
}

/**
 * @param {import("./engine.js").Engine} engine
 * @param {Order} order
 */
function answer(engine, order) {
  if ("model" in order) {
    engine.load_model(order.model);
    say({ model: order.model }, order.model);
    return;
  }
  const vectors = embedded(engine, order.request);
  say({ shard: order.shard, vectors }, vectors);
}

/**
 * @param {import("./engine.js").Engine} engine
 * @param {Uint8Array} request
 * @returns {Uint8Array|null} null when the engine refuses the request.
 */
function embedded(engine, request) {
  try {
    return engine.embed(request);
  } catch (cause) {
    // What has no code is no answer of the engine but its end.
    if (typeof (/** @type {any} */ (cause)?.code) !== "string") throw cause;
    return null;
  }
}

/**
 * @param {Report} report
 * @param {Uint8Array|null} bytes What goes over by transfer.
 */
function say(report, bytes) {
  scope.postMessage(report, bytes ? [/** @type {ArrayBuffer} */ (bytes.buffer)] : []);
}

/** @param {unknown} cause */
function fail(cause) {
  scope.postMessage({ fatal: cause instanceof Error ? cause.message : String(cause) });
  scope.close();
}
