// @ts-check
// Owns IndexedDB as a place for collections, where a browser has no files for pages. Must not know what the bytes mean or who
// asks. Invariant: a file is written in one transaction, and written when that is complete, not before.

import { PLACE, isQuota, named, noRoom } from "./storage-room.js";

/** @typedef {import("./storage-room.js").Keeper} Keeper */
/** @typedef {import("./storage-room.js").Host} Host */

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

  /** @param {string} file @param {number} offset @param {number} length */
  async read(file, offset, length) {
    const end = Math.min(offset + length, await this.size(file));
    const first = Math.floor(offset / PART_BYTES);
    const into = new Uint8Array(Math.max(0, end - offset));
    if (!into.length) return into;
    const range = this.#host.IDBKeyRange.bound([file, first], [file, Math.floor((end - 1) / PART_BYTES)]);
    const [parts] = await this.#run("readonly", (_, kept) => [kept.getAll(range)]);
    parts.forEach((/** @type {Uint8Array} */ part, /** @type {number} */ k) => {
      const at = (first + k) * PART_BYTES;
      into.set(part.subarray(Math.max(0, offset - at), end - at), Math.max(0, at - offset));
    });
    return into;
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
