// @ts-check
// Owns where collections of one's own are kept in the browser: files of the origin (OPFS), IndexedDB, or memory where both are
// denied; and that all of it can be erased. Must not know what the bytes mean or which collections there are; models are web/store.js's.
// Invariant: a file is the old one or the new one whenever the worker ends. One that is named by its content is written in
// place and flushed; any other is written into the slot that does not hold it. `write` resolves when the browser has it, not before.

import { claimLock, hasLocks } from "./lock.js";
import { FindlingError, toError } from "./protocol.js";
import { Database } from "./storage-database.js";
import { Folder } from "./storage-files.js";
import { HANDLES, PLACE, eraseDatabase, named } from "./storage-room.js";
import { eraseCaches } from "./store.js";

/** @typedef {"opfs"|"indexeddb"|"memory"} Kind */
/** @typedef {import("./storage-room.js").Keeper} Keeper */
/** @typedef {import("./storage-room.js").Host} Host */
/** @typedef {import("./storage-room.js").Range} Range */

/** The one writer of a collection holds the lock of this name. @param {string} collection */
const writerOf = (collection) => `findling-writer-${collection}`;

export class Storage {
  #host;
  /** @type {Promise<Keeper>|null} */
  #keeper = null;
  /** @type {{kind: Kind|null, reason: string|null}} */
  #status = { kind: null, reason: null };
  /** @type {Map<string, number>} */
  #times = new Map();
  /** One call at a time: a file can be open only once. @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** @type {Map<string, () => void>} */
  #claims = new Map();

  /** @param {Host} [host] */
  constructor(host = globalThis) {
    this.#host = host;
  }

  /**
   * Where files are kept, null before the first was asked for; why not in a better place; and when the collections that are known here
   * were saved last, in ms since 1970.
   */
  get status() {
    const saved_ms = Object.fromEntries([...this.#times].map(([file, time]) => [file.split("/")[0], time]));
    return { ...this.#status, saved_ms };
  }

  /**
   * Ranges of a file, of which several take hardly longer than one.
   * @param {string} file
   * @param {Range[]} ranges
   * @returns {Promise<Uint8Array[]>} The bytes of each, fewer only where the file ends.
   * @throws {FindlingError} not_found, storage
   */
  readRanges(file, ranges) {
    return this.#ask(file, (keeper) => keeper.readRanges(file, ranges));
  }

  /**
   * @param {string} file
   * @returns {Promise<number>} In bytes.
   * @throws {FindlingError} not_found, storage
   */
  size(file) {
    return this.#ask(file, (keeper) => keeper.size(file));
  }

  /**
   * Puts `data` in the place of the file; it is kept when this resolves.
   * @param {string} file
   * @param {Uint8Array} data
   * @returns {Promise<void>}
   * @throws {FindlingError} storage; with `missing_bytes` in its detail where there is no room. The file is the old one then.
   */
  write(file, data) {
    return this.#ask(file, (keeper) => keeper.write(file, data));
  }

  /** Removes a file, if it is there. @param {string} file @returns {Promise<void>} */
  remove(file) {
    return this.#ask(file, (keeper) => keeper.remove(file));
  }

  /**
   * @param {string} [prefix]
   * @returns {Promise<string[]>} The names of the files that begin like that, sorted.
   */
  names(prefix = "") {
    return this.#ask(prefix, async (keeper) => (await keeper.names()).filter((name) => name.startsWith(prefix)).sort());
  }

  /**
   * Makes this worker the one that writes a collection, until it ends or lets go.
   * @param {string} collection
   * @returns {Promise<boolean>} false when another tab writes it.
   */
  async claim(collection) {
    if (this.#claims.has(collection)) return true;
    await this.#ask(collection, async () => undefined);
    const release = this.#status.kind === "memory" ? () => undefined : await claimLock(writerOf(collection), this.#host);
    if (release) this.#claims.set(collection, release);
    return release !== null;
  }

  /** @param {string} collection */
  release(collection) {
    this.#claims.get(collection)?.();
    this.#claims.delete(collection);
  }

  /**
   * @template T
   * @param {string} file
   * @param {(keeper: Keeper) => Promise<T>} task
   * @returns {Promise<T>}
   */
  #ask(file, task) {
    const asked = this.#turn.then(async () => {
      this.#keeper ??= this.#choose();
      try {
        return await task(await this.#keeper);
      } catch (cause) {
        throw coded(cause, file);
      }
    });
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  /** @returns {Promise<Keeper>} The first that this browser allows. */
  async #choose() {
    const reasons = [];
    // Without locks two tabs could write the same collection.
    if (!hasLocks(this.#host)) reasons.push("the page is not served securely, so two tabs could overwrite each other");
    else {
      for (const [kind, open] of /** @type {[Kind, (host: Host) => Promise<Keeper>][]} */ ([["opfs", Folder.open], ["indexeddb", Database.open]])) {
        try {
          const keeper = await open(this.#host);
          this.#status = { kind, reason: reasons.join("; ") || null };
          this.#times = keeper.times;
          return keeper;
        } catch (cause) {
          reasons.push(toError(cause, "storage").message);
        }
      }
    }
    this.#status = { kind: "memory", reason: reasons.join("; ") };
    return new Memory();
  }
}

/** What is gone with the tab. @implements {Keeper} */
class Memory {
  /** Nothing is saved here. @type {Map<string, number>} */
  times = new Map();
  /** @type {Map<string, Uint8Array>} */
  #files = new Map();

  /** @param {string} file */
  async size(file) {
    return this.#bytes(file).length;
  }

  /** @param {string} file @param {Range[]} ranges */
  async readRanges(file, ranges) {
    const bytes = this.#bytes(file);
    return ranges.map(([offset, length]) => bytes.slice(offset, offset + length));
  }

  /** @param {string} file @param {Uint8Array} data */
  async write(file, data) {
    this.#files.set(file, data.slice());
  }

  /** @param {string} file */
  async remove(file) {
    this.#files.delete(file);
  }

  async names() {
    return [...this.#files.keys()];
  }

  /** @param {string} file */
  #bytes(file) {
    const found = this.#files.get(file);
    if (!found) throw named("NotFoundError", file);
    return found;
  }
}

/** On the page: asks that what is kept is not evicted. @returns {Promise<boolean>} Whether the browser promised it. */
export async function persist() {
  return (await globalThis.navigator?.storage?.persist?.().catch(() => false)) ?? false;
}

/** Where the page notes what it has seen kept, and the import that is under way. */
const NOTES = { kept: "findling-kept", importing: "findling-importing" };
/** @typedef {{name: string, title: string, documents: number}} Noted */

/**
 * On the page: notes which collections there are, beside them. A browser that deletes what is kept often leaves this.
 * @param {Noted[]} collections
 */
export function remember(collections) {
  note(NOTES.kept, collections.length ? collections : null);
}

/** On the page: what was noted last. @returns {Noted[]} */
export function remembered() {
  const noted = noteOf(NOTES.kept);
  return Array.isArray(noted) ? noted.filter((each) => typeof each?.name === "string" && typeof each.title === "string" && Number.isInteger(each.documents)) : [];
}

/** An import under way: how many files are added to what, and how many documents it had before. @typedef {{collection: string, files: number, before: number}} Import */

/** On the page: notes what is being added, and with null that it is done. @param {Import|null} wanted */
export function rememberImport(wanted) {
  note(NOTES.importing, wanted);
}

/** On the page: what was being added when it was left. @returns {Import|null} */
export function rememberedImport() {
  const noted = noteOf(NOTES.importing);
  return typeof noted?.collection === "string" && Number.isInteger(noted.files) && Number.isInteger(noted.before) ? noted : null;
}

/** @param {string} name @param {unknown} value null for none. */
function note(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that refuses this too has nothing that could be lost.
  }
}

/** @param {string} name @returns {any} */
function noteOf(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/**
 * On the page, when its worker has ended: deletes everything that Findling keeps in this browser.
 * @returns {Promise<string[]>} What could not be deleted, in words.
 */
export async function erase() {
  const steps = /** @type {[string, () => Promise<unknown>][]} */ ([
    ["files", async () => (await globalThis.navigator?.storage?.getDirectory?.())?.removeEntry(PLACE, { recursive: true })],
    ["database", () => eraseDatabase(PLACE)],
    ["ways to files", () => eraseDatabase(HANDLES)],
    ["notes", async () => Object.values(NOTES).forEach((name) => note(name, null))],
    ["the copy of the page", eraseWorkers],
    ["language model", eraseCaches],
  ]);
  const left = [];
  for (const [what, step] of steps) {
    try {
      await step();
    } catch (cause) {
      // What was never there, or is denied altogether, is not left.
      const { name } = /** @type {any} */ (cause);
      if (name !== "NotFoundError" && name !== "SecurityError") left.push(`${what}: ${toError(cause, "storage").message}`);
    }
  }
  return left;
}

async function eraseWorkers() {
  const found = (await globalThis.navigator?.serviceWorker?.getRegistrations().catch(() => [])) ?? [];
  await Promise.all(found.map((each) => each.unregister()));
}

/** @param {unknown} cause @param {string} file */
function coded(cause, file) {
  if (cause instanceof FindlingError) return cause;
  const name = /** @type {any} */ (cause)?.name;
  if (name === "NotFoundError") return new FindlingError("not_found", `there is no file ${JSON.stringify(file)} in this browser; if it was there, the browser has deleted it`, { file });
  return new FindlingError("storage", `the browser could not read or write ${JSON.stringify(file)}: ${toError(cause).message}; try again, or export what is open`, { file, reason: name ?? null });
}
