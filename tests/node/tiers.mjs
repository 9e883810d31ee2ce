// @ts-check
// The built tiers, for the tests of this folder.
// Owns where they lie and how Node is made to run them; must not know what is asserted. Invariant: what has not been
// built is a failure that names the command which builds it.

import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

import { BACKENDS, loadEngine } from "../../web/engine.js";

// Node 20 has relaxed SIMD behind a flag, and its baseline compiler gives wrong sums for the relaxed dot product (V8 11.3;
// the optimising compiler and every version that has the feature without a flag are right). Later versions ignore the flag.
setFlagsFromString("--experimental-wasm-relaxed-simd");
setFlagsFromString("--no-liftoff");

const ROOT = new URL("../../", import.meta.url);
export const FOLDER = process.env.FINDLING_ENGINE ? pathToFileURL(`${process.env.FINDLING_ENGINE}/`) : new URL(".cache/engine/", ROOT);

/** @type {Record<string, import("../../web/engine.js").Files>} */
export const FILES = Object.fromEntries(
  BACKENDS.map((name) => [name, { js: `findling-${name}.js`, ...(name === "js" ? {} : { wasm: `findling-${name}.wasm` }) }]),
);

/** @param {URL} url */
export const read = (url) => readFile(url);

/**
 * @param {string} path relative to the repository
 * @returns {Buffer}
 */
export function built(path) {
  const url = new URL(path, ROOT);
  if (!existsSync(url)) throw new Error(`${fileURLToPath(url)} is missing: run ./build.sh`);
  return readFileSync(url);
}

export const model = () => new Uint8Array(built(".cache/model/all-MiniLM-L6-v2.findling"));

/**
 * @param {Partial<Parameters<typeof loadEngine>[0]>} [options]
 */
export const start = (options = {}) => loadEngine({ files: FILES, base: FOLDER, read, ...options });

/** @param {unknown} value */
export const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));

/** @param {Uint8Array} reply */
export const value = (reply) => JSON.parse(new TextDecoder().decode(reply));

export { BACKENDS };
