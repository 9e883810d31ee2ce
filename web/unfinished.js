// @ts-check
// Owns the import that was broken off when the page was closed: what of it is kept, and adding the rest at the next visit. Must
// not know how files are read or added. Invariant: nothing is read again unless somebody asks for it; where the browser keeps no way
// to the files, or grants it no more, the page says so and takes them once more; of an import that has ended nothing is left.

import { count, element } from "./dom.js";
import { reached } from "./folders.js";
import { claimLock, hasLocks } from "./lock.js";

/** @typedef {import("./collections.js").Collections} Collections */
/** @typedef {import("./folders.js").Handle} Handle */
/** @typedef {import("./folders.js").Chosen} Chosen */

/** A folder is one; many files one by one would be asked about one by one. */
const MOST_HANDLES = 64;
/** Held by the tab that imports, so that another does not take its import for one that was broken off. */
const LOCK = "findling-importing";

const AGAIN = " Drop or choose them again to add the rest: what is here already is left as it is.";

const storage = () => import("./storage.js");
const storageOfHandles = () => import("./storage-handles.js");

export class Unfinished {
  #parts;
  #collections;
  #add;
  /** The import that was broken off, while that is shown. @type {import("./storage.js").Import|null} */
  #left = null;
  /** Whether an import of this tab is noted. */
  #noted = false;
  /** Ends the claim of this tab. @type {(() => void)|null} */
  #release = null;
  /** What is noted is being removed until this resolves. @type {Promise<void>} */
  #forgotten = Promise.resolve();

  /**
   * @param {{panel: HTMLElement, said: HTMLElement, add: HTMLElement, leave: HTMLElement}} parts
   * @param {Collections} collections
   * @param {(chosen: Promise<Chosen|null>, collection: string) => Promise<void>} add
   */
  constructor(parts, collections, add) {
    this.#parts = parts;
    this.#collections = collections;
    this.#add = add;
    parts.leave.addEventListener("click", () => this.#forget());
  }

  /**
   * Notes an import, before the first file is added.
   * @param {string} collection
   * @param {number} files How many.
   * @param {Handle[]|null} handles By which they can be reached again.
   */
  async begin(collection, files, handles) {
    this.#parts.panel.hidden = true;
    this.#noted = true;
    await this.#forgotten.catch(() => undefined);
    if (hasLocks()) this.#release ??= await claimLock(LOCK);
    const { rememberImport } = await storage();
    // Of the same files again, what was added before belongs to it too.
    const again = this.#left?.collection === collection && this.#left.files === files;
    rememberImport(again ? this.#left : { collection, files, before: this.#collections.count(collection) });
    const { keepHandles } = await storageOfHandles();
    await keepHandles(handles && handles.length <= MOST_HANDLES ? handles : null);
  }

  /** Nothing of the import is left to do. One that was refused has not begun, and what is noted then is another's. */
  async end() {
    if (!this.#noted) return;
    this.#noted = false;
    await this.#forget();
    this.#release?.();
    this.#release = null;
  }

  /** What was to be added to a collection is not wanted any more. @param {string} collection */
  async deleted(collection) {
    if (this.#left?.collection === collection) await this.#forget();
  }

  /** Resolves, and hides the offer, when nothing is left of the import. */
  #forget() {
    this.#left = null;
    this.#forgotten = (async () => {
      const { keepHandles } = await storageOfHandles();
      await keepHandles(null);
      // Last: who leaves the page in between is asked again, and nothing stays that nobody knows of.
      const { rememberImport } = await storage();
      rememberImport(null);
      this.#parts.panel.hidden = true;
    })();
    return this.#forgotten;
  }

  /** Looks for an import that was broken off, once it is known how many documents are kept, and offers to add the rest. */
  async load() {
    const { rememberedImport } = await storage();
    const left = rememberedImport();
    if (!left || !this.#collections.has(left.collection) || !(await isFree())) return;
    this.#left = left;
    const { keptHandles } = await storageOfHandles();
    const handles = await keptHandles();
    const { panel, said, add } = this.#parts;
    const documents = Math.max(0, this.#collections.count(left.collection) - left.before);
    const what = documents ? ` ${count(documents, "document")} of it ${documents === 1 ? "is" : "are"} here and saved.` : " Nothing of it was saved yet.";
    const how = handles ? "" : AGAIN;
    said.replaceChildren(element("strong", {}, `An import of ${count(left.files, "file")} was broken off when the page was closed.`), `${what}${how}`);
    add.hidden = !handles;
    if (handles) add.onclick = () => this.#add(this.#rest(handles), left.collection);
    panel.hidden = false;
  }

  /** @param {Handle[]} handles @returns {Promise<Chosen|null>} null where nothing can be read by them, which is said. */
  async #rest(handles) {
    const { said, add } = this.#parts;
    add.hidden = true;
    const chosen = (await allowed(handles)) ? await reached(handles) : null;
    if (chosen?.files.length) return chosen;
    said.replaceChildren(element("strong", {}, chosen ? "Those files are no longer where they were." : "The browser does not let this page read those files again."), AGAIN);
    return null;
  }
}

/** Whether no other tab imports. */
async function isFree() {
  if (!hasLocks()) return true;
  const release = await claimLock(LOCK);
  release?.();
  return release !== null;
}

/** Asks the person, where the browser wants that. @param {Handle[]} handles */
async function allowed(handles) {
  for (const handle of handles) {
    // Elsewhere than in Chromium a handle that was kept may be read.
    const state = await handle.requestPermission?.({ mode: "read" }).catch(() => "denied");
    if (state && state !== "granted") return false;
  }
  return true;
}
