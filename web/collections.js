// @ts-check
// Owns which collections the page offers, which one is chosen, the opening of each when it is first wanted, and what it can be filtered by.
// Must not know how they are searched or shown. Invariant: a collection is opened once, and one that could not be opened is
// tried again when it is wanted again.

import { build } from "../build.js";
import { element } from "./dom.js";
import { worth } from "./filters.js";

/** @typedef {import("./client.js").Client} Client */
/**
 * @typedef {object} Choice
 * @property {string} name Of the collection, and the radio button's value.
 * @property {string|null} src Where its index lies; null for one that is made here.
 * @property {boolean} [keep] Whether it is one of one's own, kept in this browser.
 * @property {boolean} remote Whether it is read piece by piece from a server.
 * @property {string[]} examples What to try.
 * @property {string} about A sentence above them.
 * @property {string[]} [fields] What it can be filtered by, where that is known without looking: nothing has to be counted, and nothing moves when it is.
 */

export const OWN = "files";
export const OWN_TITLE = "My files";
const DEMO = "emoji";
const DICTIONARY = "dictionary";
const SITE = "site";
/** Fields that are looked at. */
const CANDIDATES = 16;

const at = (/** @type {string} */ url) => new URL(url, new URL("../build.js", import.meta.url)).href;

const OWN_ABOUT = "Describe what you remember; the words need not be those in the file.";

/** @type {Choice[]} */
const KNOWN = [
  {
    name: DEMO,
    src: at(build.demo.url),
    remote: false,
    fields: ["kind", "subgroup"],
    about: "Try one of these; none of the words has to occur in what is found.",
    examples: ["feeling sick with a fever", "place where you borrow books", "lost my keys", "frozen dessert on a hot day", "magic wizard spell", "I cannot stop yawning"],
  },
  {
    name: DICTIONARY,
    src: build.dictionary && at(build.dictionary.url),
    remote: true,
    about: "Describe a word that you cannot think of. The dictionary stays on its server: a search reads only what it needs of it, about two hundred kilobytes the first time.",
    examples: ["fear of closed spaces", "a person who collects stamps", "joy at the misfortune of others", "small stream that flows into a river", "study of insects", "unable to be put into words"],
  },
  { name: OWN, src: null, keep: true, remote: false, about: OWN_ABOUT, examples: [] },
];
/** What this build has. */
const OFFERED = KNOWN.filter(({ src, keep }) => src !== null || keep);

export class Collections {
  #client;
  #onCounted;
  #radios;
  #choices = OFFERED;
  /** @type {Map<string, Promise<void>>} */
  #opened = new Map();
  /** @type {Map<string, number>} */
  #counts = new Map();
  /** @type {Map<string, string[]>} */
  #fields = new Map();
  /** @type {Set<string>} */
  #lazy = new Set();
  /** Hears what is said of a collection that was opened. @type {(state: any) => void} */
  onState = () => undefined;

  /**
   * @param {Client} client
   * @param {HTMLElement} radios The group of radio buttons; that of a collection has its name as value.
   * @param {string|null} site The address of an index to offer first and choose.
   * @param {() => void} onChange
   * @param {(name: string) => void} onCounted It is known now what a collection can be filtered by.
   */
  constructor(client, radios, site, onChange, onCounted) {
    this.#client = client;
    this.#onCounted = onCounted;
    this.#radios = radios;
    for (const radio of radios.querySelectorAll("input")) if (!OFFERED.some(({ name }) => name === radio.value)) radio.closest("label")?.remove();
    if (site) {
      const src = new URL(site, document.baseURI).href;
      this.#choices = [{ name: SITE, src, remote: true, about: `Ask ${new URL(src).host} in your own words.`, examples: [] }, ...OFFERED];
      const input = /** @type {HTMLInputElement} */ (element("input", { type: "radio", name: "collection", value: SITE }));
      const label = element("label", {}, input, element("span", {}, element("b", { id: "title-site" }, "Site"), " ", element("small", { id: `count-${SITE}` })));
      radios.querySelector("label")?.before(label);
      input.checked = true;
    }
    radios.addEventListener("change", onChange);
  }

  /** @returns {Choice} */
  get chosen() {
    const value = /** @type {HTMLInputElement|null} */ (this.#radios.querySelector("input:checked"))?.value;
    return this.#choices.find(({ name }) => name === value) ?? /** @type {Choice} */ (this.#choices[0]);
  }

  /** @param {string} name */
  choose(name) {
    const radio = /** @type {HTMLInputElement|null} */ (this.#radios.querySelector(`input[value="${name}"]`));
    if (radio) radio.checked = true;
    // There may be more than fit.
    radio?.closest("label")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Whether there is one of that name. @param {string} name */
  has(name) {
    return this.#choices.some((choice) => choice.name === name);
  }

  /** Offers a collection of one's own, or gives it another title. @param {string} name @param {string} title */
  offer(name, title) {
    if (!this.has(name)) {
      this.#choices = [...this.#choices, { name, src: null, keep: true, remote: false, about: OWN_ABOUT, examples: [] }];
      const input = element("input", { type: "radio", name: "collection", value: name });
      this.#radios.append(element("label", {}, input, element("span", {}, element("b", { id: `title-${name}` }), " ", element("small", { id: `count-${name}` }))));
    }
    const shown = document.getElementById(`title-${name}`);
    if (shown) shown.textContent = title;
  }

  /** A collection of one's own is no more. @param {string} name */
  withdraw(name) {
    const chosen = this.chosen.name === name;
    this.#opened.delete(name);
    this.#fields.delete(name);
    this.setCount(name, 0);
    if (name === OWN) {
      // It stays, empty, for what is added next; the name that was given to what it held goes with that.
      this.offer(OWN, OWN_TITLE);
      return;
    }
    this.#choices = this.#choices.filter((choice) => choice.name !== name);
    this.#radios.querySelector(`label:has(input[value="${name}"])`)?.remove();
    this.#counts.delete(name);
    if (chosen) this.choose(OWN);
  }

  /** How many documents a collection has, as far as is known. @param {string} name */
  count(name) {
    return this.#counts.get(name) ?? 0;
  }

  /** @param {string} name @param {number} documents */
  setCount(name, documents) {
    if (this.#counts.get(name) === documents) return;
    this.#counts.set(name, documents);
    const shown = document.getElementById(`count-${name}`);
    if (shown) shown.textContent = documents.toLocaleString();
  }

  /** The fields of a collection that are worth showing, as far as is known. @param {string} name */
  fields(name) {
    return this.#fields.get(name) ?? this.#choices.find((choice) => choice.name === name)?.fields ?? [];
  }

  /** Whether a collection is read piece by piece, as far as is known. @param {string} name */
  isLazy(name) {
    return this.#lazy.has(name);
  }

  /**
   * Bytes that have come of the files of the chosen collection.
   * @param {Record<string, number>} received Of each file, as `status` tells them.
   */
  received(received) {
    const { src } = this.chosen;
    const folder = (/** @type {string} */ file) => file.slice(0, file.lastIndexOf("/"));
    const own = Object.entries(received).filter(([file]) => src !== null && (file === src || (this.isLazy(this.chosen.name) && folder(file) === folder(src))));
    return own.reduce((sum, [, bytes]) => sum + bytes, 0);
  }

  /**
   * Opens a collection, if it is not open; resolves when it can be searched.
   * @param {string} [name] By default the chosen one.
   * @throws {import("./protocol.js").FindlingError} as the verb `open` does.
   */
  async open(name = this.chosen.name) {
    let opening = this.#opened.get(name);
    if (!opening) {
      opening = this.#open(name);
      this.#opened.set(name, opening);
      opening.catch(() => this.#opened.delete(name));
    }
    await opening;
  }

  /** Looks again at a collection that has changed. @param {string} name */
  async refresh(name) {
    await this.#open(name);
  }

  /** @param {string} name */
  async #open(name) {
    const { src, keep } = /** @type {Choice} */ (this.#choices.find((choice) => choice.name === name));
    /** @type {import("./protocol.js").OpenResult} */
    const state = await this.#client.call("open", { collection: name, src, ...(keep ? { keep } : {}) });
    const { documents, meta, values, lazy } = state;
    if (keep) this.onState(state);
    this.setCount(name, documents);
    const title = document.getElementById(`title-${name}`);
    if (title && typeof meta?.title === "string" && title.textContent !== meta.title) title.textContent = meta.title;
    if (lazy) this.#lazy.add(name);
    if (this.#choices.some((choice) => choice.name === name && choice.fields)) return;
    this.#fields.set(name, []);
    // To count what a collection in pieces holds would fetch whole columns, more than many searches, unless it lies here. Nobody waits for the counts.
    if ((keep || !lazy) && values.length) this.#countValues(name, values).catch(() => undefined);
  }

  /**
   * @param {string} name
   * @param {string[]} values The fields that documents have values of.
   */
  async #countValues(name, values) {
    const facets = values.slice(0, CANDIDATES).map((field) => ({ field, limit: 1 }));
    const counted = await this.#client.call("search", { collection: name, query: "", limit: 1, facets });
    const fields = worth(counted.facets, counted.total);
    this.#fields.set(name, fields);
    if (fields.length) this.#onCounted(name);
  }

  /** After a worker's end nothing is open, and what was added here is gone unless it was kept. */
  forget() {
    this.#opened.clear();
    this.#fields.clear();
    for (const { name, keep } of this.#choices) if (keep) this.setCount(name, 0);
  }
}
