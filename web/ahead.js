// @ts-check
// Owns what a page begins for its worker while the worker's thread is still starting: compiling Python, finding the kept
// model. Both sides of it, and what is promised. Must not know what the worker makes of it.
// Invariant: what the page promised is sent, if only as null; what it could not do the worker does itself, so that every
// failure is met, and told, in one place.

import { build } from "../build.js";
import { compileFile } from "./http.js";
import { Store } from "./store.js";

/** @typedef {import("./store.js").Kept} Kept */
/** @typedef {{python: WebAssembly.Module|null, model: Kept|null}} Gifts */
/** One gift, or that there will be none at all. @typedef {{ahead: keyof Gifts, gift: Gifts[keyof Gifts]} | {ahead: null}} AheadMessage */

/** @param {string} url As in build.js. */
const at = (url) => new URL(url, new URL("../build.js", import.meta.url)).href;

/** Python's module, from this build. */
export const compilePython = () => compileFile(at(build.python.asm_wasm));

/** The model of this build; its address made absolute is its key in the Cache API. */
export const modelAsset = () => ({ ...build.model, url: at(build.model.url) });

/** The model's piece table. */
export const piecesAsset = () => ({ ...build.pieces, url: at(build.pieces.url) });

/** The files of this build that the browser keeps beside each other. */
export const newStore = () => new Store([modelAsset().url, piecesAsset().url]);

/**
 * On the page: does what was promised.
 * @param {{postMessage(message: AheadMessage, transfer?: Transferable[]): void}} worker
 */
export function help(worker) {
  /** @param {keyof Gifts} name @param {Promise<any>} gift */
  const send = (name, gift) =>
    gift.then((found) => worker.postMessage({ ahead: name, gift: found }, found?.bytes ? [found.bytes.buffer] : [])).catch(() => worker.postMessage({ ahead: name, gift: null }));
  send("python", compilePython());
  send("model", newStore().find(modelAsset()));
}

/** In the worker: what the page does for it. */
export class Ahead {
  /** @type {Map<string, (gift: any) => void>} */
  #waiting = new Map();
  /** Compiled, or null. @type {Promise<WebAssembly.Module|null>} */
  python;
  /** Kept whole, read and compared, or null. @type {Promise<Kept|null>} */
  model;

  /** @param {boolean} promised Whether there is a page that helps. */
  constructor(promised) {
    /** @param {keyof Gifts} name */
    const gift = (name) => (promised ? new Promise((resolve) => this.#waiting.set(name, resolve)) : Promise.resolve(null));
    this.python = gift("python");
    this.model = gift("model");
  }

  /**
   * @param {any} message
   * @returns {boolean} Whether it was one of the page's help.
   */
  take(message) {
    if (typeof message !== "object" || message === null || !("ahead" in message)) return false;
    for (const [name, resolve] of this.#waiting) {
      if (message.ahead === name || message.ahead === null) resolve(message.gift ?? null);
    }
    return true;
  }
}
