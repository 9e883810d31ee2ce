// @ts-check
// Owns files of the origin (OPFS) as a place for collections: in place and flushed where the name tells the content, two slots for
// any other. Must not know what the bytes mean or who asks. Invariant: the slot that holds a file is not touched until another
// holds the new one whole; a slot that was not written to its end is told by its digest, and is nothing.

import { PLACE, isQuota, named, noRoom } from "./storage-room.js";

/** @typedef {import("./storage-room.js").Keeper} Keeper */
/** @typedef {import("./storage-room.js").Host} Host */
/** @typedef {import("./storage-room.js").Range} Range */
/** A FileSystemSyncAccessHandle. @typedef {{read(into: Uint8Array, at: {at: number}): number, write(data: Uint8Array, at: {at: number}): number, getSize(): number, truncate(size: number): void, flush(): void, close(): void}} Handle */

/** Files named by their content never change: `segment-0123456789abcdef.findling`. */
const CONTENT = /-[0-9a-f]{16,}\.\w+$/;
/** Written at a time, so that it is known how much did not fit. */
const PART_BYTES = 4 << 20;
/** A file is locked while it is open in another tab, which is never long, or in a worker that a browser takes two seconds to end. */
const LOCK_ATTEMPTS = 200;
const LOCK_MS = 25;
/** What a slot begins with: a word, a generation, the length, the time in ms; then the sha256 of these and of the data, then the data. */
const SLOT = new TextEncoder().encode("findling");
const HEAD_BYTES = 32;
const DIGEST_BYTES = 32;

/** Files of the origin, through handles that only workers have. @implements {Keeper} */
export class Folder {
  #host;
  /** @type {Map<string, number>} */
  times = new Map();

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {Host} host @throws where there are no such files. */
  static async open(host) {
    const made = host.FileSystemFileHandle?.prototype;
    if (!host.navigator?.storage?.getDirectory || !made?.createSyncAccessHandle) throw new Error("this browser has no files for pages");
    await host.navigator.storage.getDirectory();
    return new Folder(host);
  }

  /** @param {string} file */
  async size(file) {
    if (!CONTENT.test(file)) return (await this.#newest(file)).data.length;
    return this.#with(`${encoded(file)}+`, false, (handle) => handle.getSize());
  }

  /** @param {string} file @param {Range[]} ranges */
  async readRanges(file, ranges) {
    if (!CONTENT.test(file)) {
      const { data } = await this.#newest(file);
      return ranges.map(([offset, length]) => data.slice(offset, offset + length));
    }
    // Opening takes a hundred times as long as reading a few kilobytes.
    return this.#with(`${encoded(file)}+`, false, (handle) => ranges.map(([offset, length]) => readFrom(handle, offset, length)));
  }

  /** @param {string} file @param {Uint8Array} data */
  async write(file, data) {
    if (CONTENT.test(file)) return this.#put(`${encoded(file)}+`, data);
    const slots = await this.#slots(file);
    const now = newest(slots);
    const free = now?.name === slotName(file, 0) ? 1 : 0;
    const time = Date.now();
    await this.#put(slotName(file, free), await framed((now?.generation ?? 0) + 1, time, data));
    this.times.set(file, time);
    if (now) await this.#delete(now.name);
  }

  /** @param {string} file */
  async remove(file) {
    if (CONTENT.test(file)) return this.#delete(`${encoded(file)}+`);
    // The newest goes last: without it the one before would be taken for it.
    const last = newest(await this.#slots(file))?.name ?? slotName(file, 0);
    for (const slot of [0, 1].map((n) => slotName(file, n)).sort((a, b) => Number(a === last) - Number(b === last))) await this.#delete(slot);
  }

  async names() {
    const found = new Set();
    const folder = await this.#folder(false);
    if (!folder) return [];
    for await (const name of folder.keys()) {
      const file = decodeURIComponent(name.slice(0, name.indexOf("+")));
      if (CONTENT.test(file) || !found.has(file)) found.add(file);
    }
    const whole = await Promise.all([...found].map(async (file) => CONTENT.test(file) || newest(await this.#slots(file)) !== null));
    return [...found].filter((_, k) => whole[k]);
  }

  /** Asked for each time: what was evicted comes back empty. @param {boolean} create */
  async #folder(create) {
    const root = await this.#host.navigator.storage.getDirectory();
    return root.getDirectoryHandle(PLACE, { create }).catch((/** @type {any} */ cause) => {
      if (cause?.name === "NotFoundError") return null;
      throw cause;
    });
  }

  /** The slot that holds a file. @param {string} file */
  async #newest(file) {
    const found = newest(await this.#slots(file));
    if (!found) throw named("NotFoundError", file);
    this.times.set(file, found.time);
    return found;
  }

  /** Both slots of a file; null for one that is missing, or was not written to its end. @param {string} file */
  #slots(file) {
    return Promise.all(
      [0, 1].map(async (n) => {
        const name = slotName(file, n);
        const bytes = await this.#with(name, false, (handle) => readFrom(handle, 0, handle.getSize())).catch((cause) => {
          if (cause?.name === "NotFoundError") return null;
          throw cause;
        });
        return bytes && unframed(name, bytes);
      }),
    );
  }

  /** @param {string} name @param {Uint8Array} data */
  async #put(name, data) {
    try {
      await this.#with(name, true, (handle) => {
        if (handle.getSize() === data.length && isEqual(readFrom(handle, 0, data.length), data)) return handle.flush();
        handle.truncate(0);
        for (let at = 0; at < data.length; at += PART_BYTES) {
          const part = data.subarray(at, at + PART_BYTES);
          /** @type {number} */
          let count;
          try {
            count = handle.write(part, { at });
          } catch (cause) {
            throw isQuota(cause) ? noRoom(data.length, data.length - at) : cause;
          }
          if (count !== part.length) throw noRoom(data.length, data.length - at - Math.max(0, Math.min(count, part.length)));
        }
        handle.flush();
      });
    } catch (cause) {
      // What was written of it only takes room.
      await this.#delete(name).catch(() => undefined);
      throw isQuota(cause) ? noRoom(data.length, data.length) : cause;
    }
  }

  /** @param {string} name */
  async #delete(name) {
    const folder = await this.#folder(false);
    await folder?.removeEntry(name).catch((/** @type {any} */ cause) => {
      if (cause?.name !== "NotFoundError") throw cause;
    });
  }

  /**
   * @template T
   * @param {string} name
   * @param {boolean} create
   * @param {(handle: Handle) => T} task
   * @returns {Promise<T>}
   */
  async #with(name, create, task) {
    const folder = await this.#folder(create);
    if (!folder) throw named("NotFoundError", name);
    const file = await folder.getFileHandle(name, { create });
    const handle = await this.#unlocked(file, create ? {} : { mode: "read-only" });
    try {
      return task(handle);
    } finally {
      handle.close();
    }
  }

  /** @param {any} file @param {object} mode @returns {Promise<Handle>} */
  async #unlocked(file, mode) {
    const { pause = (ms) => new Promise((resume) => setTimeout(resume, ms)) } = this.#host;
    for (let left = LOCK_ATTEMPTS; ; left--) {
      try {
        return await file.createSyncAccessHandle(mode);
      } catch (cause) {
        if (/** @type {any} */ (cause)?.name !== "NoModificationAllowedError" || left === 0) throw cause;
        await pause(LOCK_MS);
      }
    }
  }
}

/** @param {string} file @param {number} n */
function slotName(file, n) {
  return `${encoded(file)}+${n}`;
}

/** A name without a slash, a plus sign or anything that a file system minds. @param {string} file */
function encoded(file) {
  return encodeURIComponent(file).replaceAll(".", "%2E");
}

/** @param {number} generation @param {number} time @param {Uint8Array} data @returns {Promise<Uint8Array>} */
async function framed(generation, time, data) {
  const bytes = new Uint8Array(HEAD_BYTES + DIGEST_BYTES + data.length);
  const head = new DataView(bytes.buffer);
  bytes.set(SLOT);
  head.setBigUint64(8, BigInt(generation), true);
  head.setBigUint64(16, BigInt(data.length), true);
  head.setBigUint64(24, BigInt(time), true);
  bytes.set(data, HEAD_BYTES + DIGEST_BYTES);
  bytes.set(await digestOf(bytes), HEAD_BYTES);
  return bytes;
}

/** @param {string} name @param {Uint8Array} bytes */
async function unframed(name, bytes) {
  if (bytes.length < HEAD_BYTES + DIGEST_BYTES || !isEqual(bytes.subarray(0, SLOT.length), SLOT)) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset);
  const data = bytes.subarray(HEAD_BYTES + DIGEST_BYTES);
  const whole = head.getBigUint64(16, true) === BigInt(data.length) && isEqual(await digestOf(bytes), bytes.subarray(HEAD_BYTES, HEAD_BYTES + DIGEST_BYTES));
  return whole ? { name, generation: Number(head.getBigUint64(8, true)), time: Number(head.getBigUint64(24, true)), data } : null;
}

/** Over head and data. @param {Uint8Array} bytes */
async function digestOf(bytes) {
  const said = new Uint8Array(bytes.length - DIGEST_BYTES);
  said.set(bytes.subarray(0, HEAD_BYTES));
  said.set(bytes.subarray(HEAD_BYTES + DIGEST_BYTES), HEAD_BYTES);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", said));
}

/** @param {({name: string, generation: number, time: number, data: Uint8Array}|null)[]} slots */
function newest(slots) {
  return slots.reduce((best, slot) => (slot && (!best || slot.generation > best.generation) ? slot : best), null);
}

/** @param {Handle} handle @param {number} offset @param {number} length */
function readFrom(handle, offset, length) {
  const into = new Uint8Array(Math.max(0, Math.min(length, handle.getSize() - offset)));
  let done = 0;
  while (done < into.length) {
    const count = handle.read(into.subarray(done), { at: offset + done });
    if (!count) throw new Error("the browser gave fewer bytes than the file has");
    done += count;
  }
  return into;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function isEqual(a, b) {
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}
