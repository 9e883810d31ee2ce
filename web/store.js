// @ts-check
// Owns where the bytes of a model or a piece table come from in the browser: the network, the Cache API, memory. The only file that
// names the Cache API. Must not know what the bytes mean, who asks, or anything of engine and page.
// Invariant: a model is "present" only after its length and sha256 were right; the marker that says so is written last,
// so an interruption at any moment leaves parts that are resumed, never a file that passes for whole.

import { chunks, get, name, networkError } from "./http.js";
import { FindlingError, toError } from "./protocol.js";

/** A file named by its content. @typedef {{url: string, size_bytes: number, sha256: string}} Asset */
/** @typedef {"network"|"cache"|"memory"} Source "memory": from the network, and it could not be kept. */
/**
 * verified: the sha256 was right; where the browser has none to offer, only the length was.
 * @typedef {{bytes: Uint8Array, verified: boolean}} Kept
 */
/** @typedef {(done: number, total: number) => void} OnBytes */
/** @typedef {{etag: string|null, part_bytes: number}} PartInfo */

const MODEL_CACHE = "findling-models";
/** One cache entry each; small enough that an interruption costs little, large enough that writing is not felt. */
const PART_BYTES = 4 << 20;
/** Attempts in a row that bring no byte before a download is given up. */
const ATTEMPTS = 3;
const RETRY_MS = 250;

export class Store {
  #beside;
  /** @type {Promise<Cache|null>|null} */
  #cache = null;
  /** @type {{available: boolean, reason: string|null}} */
  #storage = { available: true, reason: null };
  /** Settles when what was fetched is written down, or could not be. @type {Promise<unknown>} */
  kept = Promise.resolve();

  /** @param {string[]} [beside] The addresses of all files that are kept: what else lies in their folder is of another version. */
  constructor(beside = []) {
    this.#beside = beside;
  }

  /** Whether the browser keeps what is stored, and if not, why. */
  get storage() {
    return { ...this.#storage };
  }

  /**
   * The bytes of a model or a piece table: from the Cache API when it is present there, else from the network, resumed where an earlier
   * download stopped.
   * @param {Asset} asset
   * @param {OnBytes} [onBytes]
   * @param {Promise<Kept|null>|null} [found] What another store finds of it.
   * @returns {Promise<Kept & {source: Source}>}
   * @throws {FindlingError} network; wrong_digest when a second download was wrong too.
   */
  async model(asset, onBytes = () => undefined, found = null) {
    const kept = (await found) ?? (await this.find(asset));
    if (kept) {
      onBytes(asset.size_bytes, asset.size_bytes);
      return { ...kept, source: "cache" };
    }
    const cache = await this.#open();
    const parts = this.#parts(cache, asset);
    let bytes = await download(asset, parts, onBytes, "default");
    let verified = await matches(bytes, asset);
    if (verified === false) {
      // The HTTP cache may hold the wrong bytes as well, so the second attempt goes past it.
      await parts.clear();
      bytes = await download(asset, parts, onBytes, "reload");
      verified = await matches(bytes, asset);
      if (!verified) {
        await parts.clear();
        throw new FindlingError(
          "wrong_digest",
          `${name(asset.url)} arrived damaged twice and was refused; the file on the server is not the one this page was built with`,
          { url: asset.url, sha256: asset.sha256 },
        );
      }
    }
    this.kept = Promise.all([this.kept, parts.commit()]);
    const source = cache && this.#storage.available ? "network" : "memory";
    return { bytes, source, verified: verified === true };
  }

  /**
   * A model as the Cache API keeps it; what is damaged is deleted.
   * @param {Asset} asset
   * @returns {Promise<Kept|null>} null when it is not present.
   */
  async find(asset) {
    const cache = await this.#open();
    if (!cache) return null;
    try {
      const blob = await findKept(cache, asset);
      const bytes = blob && (await readBlob(blob));
      const fits = bytes && (await matches(bytes, asset));
      if (bytes && fits !== false) return { bytes, verified: fits === true };
      if (bytes) await this.#parts(cache, asset).clear();
      return null;
    } catch (cause) {
      return this.#deny(cause);
    }
  }

  /**
   * @param {Cache|null} cache
   * @param {Asset} asset
   */
  #parts(cache, asset) {
    return new Parts(cache, asset, [asset.url, ...this.#beside], (cause) => this.#deny(cause));
  }

  /** @returns {Promise<Cache|null>} null when storage is denied or missing. */
  #open() {
    this.#cache ??= (async () => {
      try {
        if (!globalThis.caches) throw new Error("this browser offers no storage to this page");
        return await caches.open(MODEL_CACHE);
      } catch (cause) {
        return this.#deny(cause);
      }
    })();
    return this.#cache;
  }

  /**
   * @param {unknown} cause
   * @returns {null}
   */
  #deny(cause) {
    this.#storage = { available: false, reason: toError(cause, "storage").message };
    return null;
  }
}

/**
 * The parts of one model in the cache, under its address with `?part=OFFSET`; the marker lies under the address itself.
 * Writing never fails the download: what cannot be kept is reported to `deny` and the rest is not tried.
 */
class Parts {
  #asset;
  #current;
  #deny;
  /** @type {Cache|null} */
  #cache;
  /** @type {Promise<void>} */
  #written = Promise.resolve();
  #end = 0;
  /** @type {string|null} */
  etag = null;

  /**
   * @param {Cache|null} cache
   * @param {Asset} asset
   * @param {string[]} current The addresses that stay when this file is whole.
   * @param {(cause: unknown) => void} deny
   */
  constructor(cache, asset, current, deny) {
    this.#cache = cache;
    this.#asset = asset;
    this.#current = current;
    this.#deny = deny;
  }

  /**
   * @param {Uint8Array} into
   * @returns {Promise<number>} How many bytes from the start an earlier download left.
   */
  async restore(into) {
    await this.#guard(async (cache) => {
      while (this.#end < into.length) {
        const response = await cache.match(partKey(this.#asset, this.#end));
        const part = response && new Uint8Array(await response.arrayBuffer());
        const etag = response?.headers.get("etag") ?? null;
        if (!part?.length || this.#end + part.length > into.length || (this.#end && etag !== this.etag)) break;
        into.set(part, this.#end);
        this.etag = etag;
        this.#end += part.length;
      }
    });
    return this.#end;
  }

  /**
   * Writes what has become a whole part, or the last one, in the background and in order.
   * @param {Uint8Array} bytes The model's buffer.
   * @param {number} done How much of it is filled.
   */
  write(bytes, done) {
    while (done - this.#end >= PART_BYTES || (done === bytes.length && this.#end < done)) {
      const start = this.#end;
      const end = Math.min(start + PART_BYTES, done);
      this.#end = end;
      const headers = { "content-type": "application/octet-stream", ...(this.etag ? { etag: this.etag } : {}) };
      // A copy: the caller may hand the buffer on before the browser has read it.
      const body = bytes.slice(start, end);
      this.#enqueue((cache) => cache.put(partKey(this.#asset, start), new Response(body, { headers })));
    }
  }

  /** Writes the marker, once all parts are written, and deletes other versions beside this file. */
  commit() {
    const { url, size_bytes, sha256 } = this.#asset;
    const folder = new URL(".", url).href;
    this.#enqueue(async (cache) => {
      await cache.put(url, Response.json({ size_bytes, sha256, part_bytes: PART_BYTES }));
      for (const { url: other } of await cache.keys()) {
        const bare = other.split("?")[0] ?? "";
        if (!this.#current.includes(bare) && new URL(".", bare).href === folder) await cache.delete(other);
      }
    });
    return this.#written;
  }

  /** Deletes the marker first, then every part. */
  async clear() {
    this.#end = 0;
    this.etag = null;
    this.#enqueue(async (cache) => {
      await cache.delete(this.#asset.url);
      for (const { url } of await cache.keys()) {
        if (url.startsWith(`${this.#asset.url}?part=`)) await cache.delete(url);
      }
    });
    await this.#written;
  }

  /** @param {(cache: Cache) => Promise<unknown>} task */
  #enqueue(task) {
    this.#written = this.#written.then(() => this.#guard(task));
  }

  /** @param {(cache: Cache) => Promise<unknown>} task */
  async #guard(task) {
    if (!this.#cache) return;
    try {
      await task(this.#cache);
    } catch (cause) {
      this.#cache = null;
      this.#deny(cause);
    }
  }
}

/**
 * @param {Asset} asset
 * @param {number} offset
 */
function partKey(asset, offset) {
  return `${asset.url}?part=${offset}`;
}

/**
 * Asks for marker and parts at once: each answer of the cache takes long when a page has just been opened.
 * @param {Cache} cache
 * @param {Asset} asset
 * @returns {Promise<Blob|null>} null unless marker and every part are there.
 */
async function findKept(cache, asset) {
  const offsets = Array.from({ length: Math.ceil(asset.size_bytes / PART_BYTES) }, (_, k) => k * PART_BYTES);
  const blob = async (/** @type {string} */ key) => (await cache.match(key))?.blob();
  const [marker, ...parts] = await Promise.all([blob(asset.url), ...offsets.map((offset) => blob(partKey(asset, offset)))]);
  const info = marker && (await marker.text().then(JSON.parse).catch(() => null));
  if (info?.sha256 !== asset.sha256 || info.size_bytes !== asset.size_bytes || info.part_bytes !== PART_BYTES) return null;
  const whole = offsets.every((offset, k) => parts[k]?.size === Math.min(PART_BYTES, asset.size_bytes - offset));
  return whole ? new Blob(/** @type {Blob[]} */ (parts)) : null;
}

/**
 * A worker waits for the bytes: piece by piece between its other tasks they would take several times as long.
 * @param {Blob} blob
 */
async function readBlob(blob) {
  const { FileReaderSync } = /** @type {any} */ (globalThis);
  return new Uint8Array(FileReaderSync ? new FileReaderSync().readAsArrayBuffer(blob) : await blob.arrayBuffer());
}

/**
 * Fetches a file of known size into one buffer, going on by Range after an interruption.
 * @param {Asset} asset
 * @param {Parts} parts
 * @param {OnBytes} onBytes
 * @param {RequestCache} mode
 * @returns {Promise<Uint8Array>}
 */
async function download(asset, parts, onBytes, mode) {
  const bytes = new Uint8Array(asset.size_bytes);
  let done = await parts.restore(bytes);
  let attempts = 0;
  onBytes(done, bytes.length);
  while (done < bytes.length) {
    const before = done;
    try {
      const response = await get(asset.url, { cache: mode, headers: rangeHeaders(asset, done, parts.etag) });
      const etag = response.headers.get("etag");
      if (!continues(response, done, bytes.length) || (done > 0 && parts.etag && etag && etag !== parts.etag)) {
        if (done > 0) await parts.clear();
        done = 0;
        if (response.status === 206) throw new Error("the server answered with another range");
      }
      parts.etag = etag;
      for await (const chunk of chunks(response)) {
        if (done + chunk.length > bytes.length) throw wrongLength(asset);
        bytes.set(chunk, done);
        done += chunk.length;
        parts.write(bytes, done);
        onBytes(done, bytes.length);
      }
      if (done < bytes.length) throw new Error("the connection ended early");
    } catch (cause) {
      const fatal = cause instanceof FindlingError && cause.code !== "network";
      attempts = done > before ? 1 : attempts + 1;
      if (fatal || attempts >= ATTEMPTS) throw fatal ? cause : networkError(asset.url, cause);
      await new Promise((resume) => setTimeout(resume, RETRY_MS * attempts));
    }
  }
  return bytes;
}

/**
 * `If-Range` makes the server start over when its file has changed. It would need a preflight across origins; there the
 * content-named address and the digest have to do.
 * @param {Asset} asset
 * @param {number} done
 * @param {string|null} etag
 * @returns {Record<string, string>}
 */
function rangeHeaders(asset, done, etag) {
  if (done === 0) return {};
  const range = { Range: `bytes=${done}-` };
  const sameOrigin = new URL(asset.url).origin === globalThis.location?.origin;
  return etag && !etag.startsWith("W/") && sameOrigin ? { ...range, "If-Range": etag } : range;
}

/**
 * @param {Response} response
 * @param {number} done
 * @param {number} total
 * @returns {boolean} Whether the body begins where we stand.
 */
function continues(response, done, total) {
  if (response.status !== 206) return done === 0;
  const range = response.headers.get("content-range");
  return range === null || range === `bytes ${done}-${total - 1}/${total}`;
}

/**
 * @param {Uint8Array} bytes
 * @param {Asset} asset
 * @returns {Promise<boolean|null>} null where there is no digest, without a secure context; the engine's check of every block stands.
 */
async function matches(bytes, asset) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === asset.sha256;
}

/** Deletes all that Findling keeps in the Cache API: models, and the shell of `sw.js`. */
export async function eraseCaches() {
  if (!globalThis.caches) return;
  // Who may not even look has nothing there.
  const ours = (await caches.keys().catch(() => [])).filter((name) => name.startsWith("findling-"));
  await Promise.all(ours.map((name) => caches.delete(name)));
}

/** @param {Asset} asset */
function wrongLength(asset) {
  return new FindlingError("wrong_digest", `${name(asset.url)} is longer on the server than the ${asset.size_bytes} bytes this page was built with`, {
    url: asset.url,
  });
}
