// @ts-check
// Owns index files on a web server: which bytes of them are here, and how many have come over the network. Must not know
// what the bytes mean. Invariant: a range gives exactly its bytes, of the file as it was first seen; a file that came whole,
// because it is small or its server sends no ranges, is not fetched again.

import { get, name, readBody } from "./http.js";
import { FindlingError } from "./protocol.js";

/** @typedef {(done: number, total: number) => void} OnBytes */
/** What is known of a file; `bytes` is the whole of it, where that has come. @typedef {{size: number|null, tag: string|null, bytes: Uint8Array|null}} Known */

/** A file whose length is asked for is fetched whole up to this size: one request costs less than several ranges. */
const WHOLE_BYTES = 8 << 20;

export class Remote {
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** Files whose length is being found out. @type {Map<string, Promise<number>>} */
  #sizes = new Map();
  /** Bytes of bodies that have arrived, by file. @type {Map<string, number>} */
  #received = new Map();

  /** Bytes of bodies that have arrived, by file. */
  get received() {
    return Object.fromEntries(this.#received);
  }

  /**
   * The length of a file. Its first bytes are on the way with it, and all of them if it is small.
   * @param {string} file Absolute URL.
   * @param {OnBytes} [onBytes]
   * @returns {Promise<number>} In bytes.
   * @throws {FindlingError} network, not_found.
   */
  size(file, onBytes) {
    const known = this.#known.get(file)?.size;
    if (typeof known === "number") return Promise.resolve(known);
    let asked = this.#sizes.get(file);
    if (!asked) {
      asked = this.#look(file, onBytes).finally(() => this.#sizes.delete(file));
      this.#sizes.set(file, asked);
    }
    return asked;
  }

  /**
   * @param {string} file Absolute URL.
   * @param {number} offset
   * @param {number} length In bytes.
   * @returns {Promise<Uint8Array>} Exactly `length` bytes.
   * @throws {FindlingError} network, not_found, storage where the file has changed, bad_request for a range outside it.
   */
  async read(file, offset, length) {
    await this.#sizes.get(file);
    const known = this.#known.get(file);
    const size = known?.size ?? Infinity;
    if (!(offset >= 0 && length >= 0 && offset + length <= size)) throw outside(file, offset, length, size);
    if (known?.bytes) return known.bytes.subarray(offset, offset + length);
    if (length === 0) return new Uint8Array();
    // Past the HTTP cache: Chromium lets one request at a time write a file's ranges there, and makes those that wait twice.
    const response = await get(file, { cache: "no-store", headers: { Range: `bytes=${offset}-${offset + length - 1}` } });
    const body = await this.#body(response, file);
    const isRange = response.status === 206;
    this.#learn(file, response, isRange ? null : body);
    // A server without ranges has sent everything.
    if (!isRange) return this.read(file, offset, length);
    const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (body.length !== length || (start !== undefined && Number(start) !== offset)) {
      throw new FindlingError("network", `${name(file)} was cut off: ${body.length} of ${length} bytes arrived; try again`, { url: file });
    }
    return body;
  }

  /** @param {string} file Forgets what was fetched of it. */
  release(file) {
    this.#known.delete(file);
  }

  /**
   * @param {string} file
   * @param {OnBytes} [onBytes]
   */
  async #look(file, onBytes) {
    const response = await get(file, {});
    const stated = Number(response.headers.get("content-length")) || 0;
    if (stated > WHOLE_BYTES && !response.headers.get("content-encoding")) {
      await response.body?.cancel();
      this.#learn(file, response, null, stated);
      return stated;
    }
    const bytes = await this.#body(response, file, (done) => onBytes?.(done, Math.max(done, stated)));
    this.#learn(file, response, bytes);
    return bytes.length;
  }

  /**
   * @param {Response} response
   * @param {string} file
   * @param {(done: number) => void} [onBytes]
   */
  async #body(response, file, onBytes) {
    const body = await readBody(response, file, onBytes);
    this.#received.set(file, (this.#received.get(file) ?? 0) + body.length);
    return body;
  }

  /**
   * Notes what an answer tells of its file; refused if that is not the file that was seen before. Another origin may hide
   * the headers; then the digests in the file have to do.
   * @param {string} file
   * @param {Response} response
   * @param {Uint8Array|null} bytes
   * @param {number|null} [stated]
   */
  #learn(file, response, bytes, stated = null) {
    const before = this.#known.get(file);
    const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    const size = bytes?.length ?? stated ?? (total === undefined ? null : Number(total));
    const tag = response.headers.get("etag");
    /** @param {unknown} now @param {unknown} then */
    const differs = (now, then) => now !== null && now !== undefined && then !== null && then !== undefined && now !== then;
    if (before && (differs(size, before.size) || differs(tag, before.tag))) {
      throw new FindlingError("storage", `${name(file)} changed on its server while it was read; open the collection again`, { url: file });
    }
    this.#known.set(file, { size: size ?? before?.size ?? null, tag: tag ?? before?.tag ?? null, bytes: bytes ?? before?.bytes ?? null });
  }
}

/**
 * @param {string} file
 * @param {number} offset
 * @param {number} length
 * @param {number} size
 */
function outside(file, offset, length, size) {
  return new FindlingError("bad_request", `range ${offset}+${length} lies outside ${name(file)}`, { offset, length, size });
}
