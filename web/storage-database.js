// @ts-check
// Owns IndexedDB as a place for collections, where a browser has no files for pages. Must not know what the bytes mean or who
// asks. Invariant: a file is written in one transaction, and written when that is complete, not before.

import { PLACE, isQuota, named, noRoom } from "./storage-room.js";

/** @typedef {import("./storage-room.js").Keeper} Keeper */
/** @typedef {import("./storage-room.js").Host} Host */
/** @typedef {import("./storage-room.js").Range} Range */

/** One value of the database. */
const PART_BYTES = 4 << 20;

/** A database of files in parts. @implements {Keeper} */
export class Database {
  #host;
  /** @type {Map<string, number>} */
  times = new Map();
  /** @type {Promise<any>|null} */
  #opened = null;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {Host} host @throws where there is no database. */
  static async open(host) {
    if (!host.indexedDB) throw new Error("this browser has no database for pages");
    const made = new Database(host);
    await made.names();
    return made;
  }

  /** @param {string} file @returns {Promise<number>} */
  async size(file) {
    const [found] = await this.#run("readonly", (files) => [files.get(file)]);
    if (found === undefined) throw named("NotFoundError", file);
    this.times.set(file, found.time);
    return found.length;
  }

  /** @param {string} file @param {Range[]} ranges */
  async readRanges(file, ranges) {
    const size = await this.size(file);
    const wanted = ranges.map(([offset, length]) => ({ offset, end: Math.max(offset, Math.min(offset + length, size)) }));
    // A part that several ranges lie in is read once.
    const numbers = [...new Set(wanted.flatMap(({ offset, end }) => partsOf(offset, end)))];
    const parts = await this.#run("readonly", (_, kept) => numbers.map((number) => kept.get([file, number])));
    return wanted.map(({ offset, end }) => {
      const into = new Uint8Array(end - offset);
      for (const number of partsOf(offset, end)) {
        const at = number * PART_BYTES;
        into.set(parts[numbers.indexOf(number)].subarray(Math.max(0, offset - at), end - at), Math.max(0, at - offset));
      }
      return into;
    });
  }

  /** @param {string} file @param {Uint8Array} data */
  async write(file, data) {
    const { length } = data;
    const time = Date.now();
    try {
      await this.#run("readwrite", (files, parts) => {
        parts.delete(this.#all(file));
        // A copy: of a view the browser would keep everything that it looks at.
        for (let at = 0; at < length; at += PART_BYTES) parts.put(data.slice(at, at + PART_BYTES), [file, at / PART_BYTES]);
        return [files.put({ length, time }, file)];
      });
      this.times.set(file, time);
    } catch (cause) {
      throw isQuota(cause) ? noRoom(length, length) : cause;
    }
  }

  /** @param {string} file */
  async remove(file) {
    await this.#run("readwrite", (files, parts) => [files.delete(file), parts.delete(this.#all(file))]);
  }

  async names() {
    const [keys] = await this.#run("readonly", (files) => [files.getAllKeys()]);
    return keys;
  }

  /** @param {string} file */
  #all(file) {
    return this.#host.IDBKeyRange.bound([file, 0], [file, Infinity]);
  }

  /**
   * One transaction. Only when it is complete is anything kept: a request may succeed, and its transaction be aborted.
   * @param {"readonly"|"readwrite"} mode
   * @param {(files: any, parts: any) => any[]} ask
   * @returns {Promise<any[]>} What the requests gave.
   */
  async #run(mode, ask) {
    this.#opened ??= this.#open();
    const database = await this.#opened.catch((cause) => {
      this.#opened = null;
      throw cause;
    });
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(["files", "parts"], mode, { durability: "strict" });
      /** @type {any[]} */
      let requests = [];
      transaction.oncomplete = () => resolve(requests.map(({ result }) => result));
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser gave the transaction up"));
      requests = ask(transaction.objectStore("files"), transaction.objectStore("parts"));
    });
  }

  /** @returns {Promise<any>} */
  #open() {
    return new Promise((resolve, reject) => {
      const request = this.#host.indexedDB.open(PLACE, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("files");
        request.result.createObjectStore("parts");
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("another tab holds an older version of the database"));
      request.onsuccess = () => {
        const database = request.result;
        const forget = () => {
          this.#opened = null;
        };
        // Evicted, or erased by another tab: the next call opens it anew.
        database.onclose = forget;
        database.onversionchange = () => {
          database.close();
          forget();
        };
        resolve(database);
      };
    });
  }
}

/** The numbers of the parts that a range lies in. @param {number} offset @param {number} end */
function partsOf(offset, end) {
  if (end <= offset) return [];
  const first = Math.floor(offset / PART_BYTES);
  return Array.from({ length: Math.ceil(end / PART_BYTES) - first }, (_, k) => first + k);
}
