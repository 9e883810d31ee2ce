// @ts-check
// Owns the page's collections of one's own: which there are, whether they are saved, and what can be done with them as a whole.
// Must not know how they are stored or searched. Invariant: "saved" is shown only after the worker has said so, nothing is
// deleted without a question, and whatever could not be kept is said with its reason.

import { OWN, OWN_TITLE } from "./collections.js";
import { count, element, sizeOf } from "./dom.js";
import { toError } from "./protocol.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./collections.js").Collections} Collections */
/** @typedef {import("./protocol.js").ErrorObject} ErrorObject */
/** What a worker says of a collection that is kept. @typedef {{collection: string, title?: string, documents: number, size_bytes?: number, open?: boolean, saved?: boolean, fault?: ErrorObject|null, claiming?: boolean}} State */
/** @typedef {{kind?: "opfs"|"indexeddb"|"memory"|null, reason?: string|null, saved_ms?: Record<string, number>}} Where */
/**
 * @typedef {object} Parts
 * @property {HTMLElement} panel
 * @property {HTMLElement} said Whether the chosen collection is saved.
 * @property {HTMLElement} again Tries again to save it.
 * @property {HTMLElement} manage Opens the list.
 * @property {HTMLElement} more What it opens.
 * @property {HTMLElement} list
 * @property {HTMLElement} where
 * @property {HTMLElement} take Imports.
 * @property {HTMLInputElement} picker Of a file to import.
 * @property {HTMLElement} erase Deletes everything.
 */

/** Loaded when there is something to ask. @param {import("./question.js").Question} question */
const ask = async (question) => (await import("./question.js")).ask(question);

/** How the name of a file ends that a collection was exported to. */
const EXPORTED = /(\.findling)?(\.zip)?$/i;
/** How long a file that is downloaded is held at least. */
const DOWNLOAD_MS = 60_000;
const REFUSED = "it is open in another tab; change it there, or close that tab and load this page again";

export class Kept {
  #client;
  #collections;
  #parts;
  #say;
  #onChanged;
  #onDeleted;
  /** @type {Map<string, State>} */
  #states = new Map();
  /** @type {Where} */
  #where = {};
  #persisted = false;
  /** Collections that are gone although nobody deleted them. @type {{name: string, title: string, documents: number}[]} */
  #lost = [];

  /**
   * @param {Client} client
   * @param {Collections} collections
   * @param {Parts} parts
   * @param {(text: string) => void} say Tells screen readers.
   * @param {() => void} onChanged Another collection is to be shown, or other documents.
   * @param {(name: string) => void} onDeleted
   */
  constructor(client, collections, parts, say, onChanged, onDeleted) {
    this.#client = client;
    this.#collections = collections;
    this.#parts = parts;
    this.#say = say;
    this.#onChanged = onChanged;
    this.#onDeleted = onDeleted;
    collections.onState = (state) => {
      this.saw(state);
      // What it could not do is said where something is to be stored.
      if (state.claiming) this.#claimed(state.collection).catch(() => undefined);
    };
    parts.manage.addEventListener("click", () => this.#unfold(parts.more.hidden));
    parts.again.addEventListener("click", () => this.#do(async () => {
      await this.#tell("commit", {}, this.#collections.chosen.name);
      await this.changed();
    }));
    parts.take.addEventListener("click", () => parts.picker.click());
    parts.picker.addEventListener("change", async () => {
      const files = [...(parts.picker.files ?? [])];
      parts.picker.value = "";
      for (const file of files) await this.take(file);
    });
    parts.erase.addEventListener("click", () => this.#erase());
  }

  /**
   * Opens a collection, to which files are to be added; what it holds from now on is not saved until the worker says so.
   * @param {string} name
   * @returns {Promise<string|null>} Why nothing can be added to it here, or null.
   */
  async begin(name) {
    await this.#collections.open(name);
    if (this.#states.get(name)?.claiming) await this.#claimed(name);
    const state = this.#states.get(name);
    if (isBusy(state)) return REFUSED;
    if (state) this.saw({ ...state, saved: false });
    this.#persist();
    return null;
  }

  /** Asks what is kept in this browser, and offers it. */
  async load() {
    const { remembered } = await import("./storage.js");
    const before = remembered();
    await this.#list();
    this.#lost = before.filter(({ name }) => !this.#states.has(name));
    await this.#remember();
    this.show();
    if (this.#collections.chosen.keep) this.#onChanged();
  }

  /** Takes what the worker said of a collection. @param {State} state */
  saw(state) {
    const { collection, documents } = state;
    const known = this.#states.get(collection);
    if (known && !("saved" in state) && !("fault" in state)) return;
    this.#states.set(collection, { ...known, ...state, open: true, fault: state.fault ?? null, claiming: state.claiming ?? false });
    if (documents) this.#lost = [];
    this.show();
  }

  /** Waits until it is known whether another tab writes a collection. @param {string} name */
  async #claimed(name) {
    this.saw(await this.#client.call("commit", { collection: name }));
  }

  /** After documents came or went: what they take now. */
  async changed() {
    await this.#list();
    await this.#remember();
    this.show();
  }

  /** Imports a file that a collection was exported to. @param {File} file */
  async take(file) {
    await this.#do(async () => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const title = file.name.replace(EXPORTED, "");
      const name = this.#free(title);
      this.#persist();
      const state = await this.#client.call("import", { collection: name, bytes }, { transfer: [bytes.buffer] });
      this.saw({ ...state, collection: name });
      // It had no title of its own.
      if (state.title === name && title !== name) await this.#tell("rename", { title }, name);
      await this.changed();
      this.#choose(name);
      this.#say(`${this.#title(name)} imported, ${count(state.documents, "document")}`);
    });
  }

  /** Shows what is known. */
  show() {
    const { panel, said, again, manage, list, where } = this.#parts;
    const { chosen } = this.#collections;
    const state = this.#states.get(chosen.name);
    const some = [...this.#states.values()].some(({ documents, fault }) => documents > 0 || fault);
    panel.hidden = !chosen.keep || !(some || this.#lost.length);
    panel.dataset.saved = state?.fault ? "fault" : this.#where.kind === "memory" || this.#lost.length ? "no" : state?.saved === false ? "not yet" : state?.documents ? "yes" : "";
    said.replaceChildren(...this.#sentence(state));
    again.hidden = !state?.fault || isBusy(state) || isBroken(state);
    manage.hidden = !some;
    if (!some) this.#unfold(false);
    where.textContent = this.#place();
    list.replaceChildren(...[...this.#states.values()].map((each) => this.#row(each)));
  }

  /** @param {State|undefined} state @returns {(Node|string)[]} */
  #sentence(state) {
    if (this.#lost.length) {
      const what = this.#lost.map(({ title, documents }) => `“${title}” (${count(documents, "document")})`).join(", ");
      return [element("strong", {}, "The browser has deleted what was kept here"), ` ${what}. It does so when space is short or a site was not visited for long. Import an exported copy, or add the files again.`];
    }
    if (isBusy(state)) return [element("strong", {}, "Open in another tab"), ` It can be searched here; ${REFUSED.split("; ")[1]}.`];
    if (state?.fault) return [element("strong", {}, isBroken(state) ? "Cannot be opened" : "Not saved"), ` ${state.fault.message}`];
    if (this.#where.kind === "memory") return [element("strong", {}, "Kept until this page is closed"), ` The browser refuses storage: ${this.#where.reason}. Export what you want to keep.`];
    if (!state || state.saved === false) return state?.documents ? [element("strong", {}, "Not saved yet")] : ["Nothing to save"];
    return [element("strong", {}, `Saved${this.#time(state.collection)}`), state.size_bytes ? ` · ${sizeOf(state.size_bytes)}` : ""];
  }

  /** @param {string} name */
  #time(name) {
    const at = this.#where.saved_ms?.[name];
    if (!at) return "";
    const isToday = new Date(at).toDateString() === new Date().toDateString();
    return ` ${new Intl.DateTimeFormat(undefined, isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(at)}`;
  }

  #place() {
    const { kind, reason } = this.#where;
    if (kind === "memory") return `The browser refuses storage (${reason}), so collections are gone when this page is closed.`;
    const how = kind === "indexeddb" ? `in this browser's database, because ${reason}` : "in this browser";
    const held = this.#persisted ? "The browser has promised not to clear them." : "The browser may clear them when space is short, so keep an export of what you cannot add again.";
    return `Collections are kept ${how}, and nowhere else. ${held}`;
  }

  /** @param {State} state */
  #row(state) {
    const { collection: name, documents, size_bytes, fault } = state;
    const title = this.#title(name);
    const busy = isBusy(state);
    const facts = [Number.isInteger(documents) ? count(documents, "document") : null, size_bytes ? sizeOf(size_bytes) : null, busy ? "open in another tab" : fault ? fault.message : state.saved === false ? "not saved yet" : this.#where.kind === "memory" ? null : `saved${this.#time(name)}`];
    /** @param {string} text @param {() => Promise<void>} act @param {boolean} [off] */
    const button = (text, act, off = false) => element("button", { type: "button", class: "button quiet", "aria-label": `${text} ${title}`, disabled: off, onclick: act }, text);
    return element(
      "li",
      {},
      element("div", {}, element("strong", {}, title), element("span", {}, facts.filter(Boolean).join(" · "))),
      element(
        "div",
        { class: "doings" },
        button("Rename", () => this.#rename(name), busy || isBroken(state)),
        button("Export", () => this.#export(name), !documents),
        button("Delete", () => this.#delete(name), busy),
      ),
    );
  }

  /** @param {string} name */
  async #rename(name) {
    const title = await ask({ title: "Rename the collection", action: "Rename", label: "Its new name", value: this.#title(name) });
    if (!title) return;
    await this.#do(async () => {
      await this.#collections.open(name);
      await this.#tell("rename", { title }, name);
      await this.changed();
      this.#say(`Renamed to ${title}`);
    });
  }

  /** @param {string} name */
  async #export(name) {
    await this.#do(async () => {
      await this.#collections.open(name);
      const made = await this.#client.call("export", { collection: name });
      const url = URL.createObjectURL(new Blob([made.bytes], { type: "application/zip" }));
      const link = element("a", { href: url, download: made.name });
      link.click();
      // Nothing tells when the browser has taken it.
      setTimeout(() => URL.revokeObjectURL(url), DOWNLOAD_MS);
      this.#say(`${made.name} exported`);
    });
  }

  /** @param {string} name */
  async #delete(name) {
    const title = this.#title(name);
    const documents = this.#states.get(name)?.documents;
    const text = `${documents ? count(documents, "document") : "What is there of it"} will be removed from this browser, and there is no copy elsewhere unless you exported one. The files they were read from stay where they are.`;
    if ((await ask({ title: `Delete “${title}”?`, text, action: "Delete", harmful: true })) === null) return;
    await this.#do(async () => {
      await this.#client.call("delete", { collection: name });
      this.#onDeleted(name);
      this.#states.delete(name);
      this.#collections.withdraw(name);
      await this.changed();
      this.#say(`${title} deleted`);
      this.#onChanged();
    });
  }

  async #erase() {
    const text = "Your collections, the language model and what the page needs without a network are removed from this browser. Files on your device stay where they are. Export first what you want to keep.";
    if ((await ask({ title: "Delete everything that is kept here?", text, action: "Delete my data", harmful: true })) === null) return;
    // Its files are open as long as it lives.
    this.#client.close();
    const { erase } = await import("./storage.js");
    const left = await erase();
    const message = left.length ? `These could not be deleted: ${left.join(", ")}. Close other tabs of this page and try again.` : "Nothing of this page is left in this browser: no collection, no language model, no copy of the page.";
    document.documentElement.dataset.erased = String(left.length);
    await ask({ title: left.length ? "Not everything is deleted" : "Deleted", text: message, action: "Start again", notice: true });
    location.reload();
  }

  /** @param {string} name */
  #choose(name) {
    this.#collections.choose(name);
    this.#onChanged();
  }

  /**
   * Has the worker do something with a collection, and takes what it says of it.
   * @param {"commit"|"rename"} verb
   * @param {Record<string, unknown>} args
   * @param {string} name
   */
  async #tell(verb, args, name) {
    const state = await this.#client.call(verb, { collection: name, ...args });
    this.saw({ ...state, collection: name });
  }

  async #list() {
    const { collections } = await this.#client.call("collections", {});
    // Asked for after it, because only what was read tells when it was written.
    const status = await this.#client.call("status", {});
    this.#where = status.storage ?? {};
    const listed = new Map(/** @type {State[]} */ (collections).map((state) => [state.collection, state]));
    for (const name of [...this.#states.keys()]) if (!listed.has(name) && !this.#collections.count(name)) this.#states.delete(name);
    for (const [name, state] of listed) {
      // Whether another tab has it is known to whoever opened it.
      const known = this.#states.get(name);
      this.#states.set(name, { ...known, ...state, fault: state.fault ?? (isBusy(known) ? known?.fault : null) });
      this.#collections.offer(name, titleOf(state));
      if (Number.isInteger(state.documents)) this.#collections.setCount(name, state.documents);
      // One that does not say how many it has says so when it is open.
      else if (!state.fault) await this.#collections.open(name);
    }
  }

  /** So that a browser which deletes everything but this can be told from a first visit. */
  async #remember() {
    const { remember } = await import("./storage.js");
    const kept = [...this.#states.values()].filter(({ documents }) => documents > 0);
    // What was lost is said at the next visit too, until something is added again.
    remember(this.#where.kind === "memory" ? [] : [...this.#lost, ...kept.map(({ collection: name, documents }) => ({ name, title: this.#title(name), documents }))]);
  }

  /** Asks the browser not to clear what is kept; it may ask the person, who may take a while. */
  async #persist() {
    const { persist } = await import("./storage.js");
    this.#persisted ||= await persist();
    this.show();
  }

  /** @param {string} name */
  #title(name) {
    return titleOf(this.#states.get(name) ?? { collection: name });
  }

  /** A name that no collection has, made of a title. @param {string} title */
  #free(title) {
    const stem = title.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40) || "collection";
    const taken = (/** @type {string} */ name) => this.#states.has(name) || this.#collections.has(name);
    if (!taken(stem)) return stem;
    let number = 2;
    while (taken(`${stem}-${number}`)) number++;
    return `${stem}-${number}`;
  }

  /** @param {boolean} open */
  #unfold(open) {
    this.#parts.more.hidden = !open;
    this.#parts.manage.setAttribute("aria-expanded", String(open));
  }

  /** Does something that may fail, and says so where it does. @param {() => Promise<void>} act */
  async #do(act) {
    try {
      await act();
      this.show();
    } catch (cause) {
      const { code, message } = toError(cause);
      if (code !== "closed") await ask({ title: "That did not work", text: message, action: "Close", notice: true });
    }
  }
}

/** What nobody has named is called by its name. @param {{collection: string, title?: string}} state */
function titleOf({ collection, title = collection }) {
  return title === OWN ? OWN_TITLE : title;
}

/** Whether what is stored of a collection cannot be read. @param {State} state */
function isBroken({ fault, open }) {
  return Boolean(fault) && !open;
}

/** @param {State|undefined} state */
function isBusy(state) {
  return state?.fault?.detail?.reason === "busy";
}
