// @ts-check
// One tier of the engine behind lines of text, so that the contract table of Python runs over it in any host.
// Owns the lines: {method, arguments} in, {result} or {error} out, bytes as {"$base64"}. Must not know what a method
// means or which host it runs in. Invariant: every line in gets one line out.

import { loadEngine } from "../../web/engine.js";

const CHUNK = 0x8000;

/** @param {Uint8Array} bytes */
function encode(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(binary);
}

/** @param {any} value */
const revive = (value) => (value?.$base64 === undefined ? value : Uint8Array.from(atob(value.$base64), (char) => char.charCodeAt(0)));

/** @param {any} value */
const plain = (value) => (value instanceof Uint8Array ? { $base64: encode(value) } : value ?? null);

/**
 * @param {URL} base the folder of the tiers' files
 * @param {string} backend
 * @param {(url: URL) => Promise<any>} [read]
 * @returns {Promise<(line: string) => string>}
 */
export async function start(base, backend, read) {
  const js = `findling-${backend}.js`;
  const files = { [backend]: backend === "js" ? { js } : { js, wasm: `findling-${backend}.wasm` } };
  const { engine, VectorIndex, pack, inspect, compute, analyse } = await loadEngine({ files, base, backend, read });

  /** Vector indexes by number, which the other side names as the first argument. @type {any[]} */
  const indexes = [];

  /** @type {Record<string, any>} */
  const free = {
    pack,
    inspect,
    compute,
    analyse,
    make_index: (/** @type {Uint8Array} */ request) => indexes.push(new VectorIndex(request)) - 1,
    load_index: (/** @type {Uint8Array} */ bytes) => indexes.push(VectorIndex.load(bytes)) - 1,
    index: (/** @type {number} */ number, /** @type {string} */ method, /** @type {any[]} */ ...values) => indexes[number][method](...values),
  };

  return (line) => {
    const { method, arguments: given } = JSON.parse(line);
    try {
      const values = given.map(revive);
      const result = method in free ? free[method](...values) : /** @type {any} */ (engine)[method](...values);
      return JSON.stringify({ result: plain(result) });
    } catch (error) {
      const { code = null, message, detail = null } = /** @type {any} */ (error);
      return JSON.stringify({ error: { code, message: String(message), detail } });
    }
  };
}
