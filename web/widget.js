// @ts-check
// Owns <findling-search>: a combobox over one ready-made index, for any page. Attributes: src (address of the index),
// label, placeholder, limit. Events: findling-select, cancelable, with the hit; findling-results and findling-error, with what came
// of a query. Must not know the page of this project.
// Invariant: nothing is fetched before the first focus; all elements of a document share one worker, which ends with the
// last of them.

import { Client } from "./client.js";
import { element, isUnfinished, marked, megabytes, safeUrl } from "./dom.js";
import { FindlingError, toError } from "./protocol.js";
import { STYLE } from "./widget-style.js";

/** @typedef {import("./protocol.js").Hit} Hit */
/** @typedef {import("./protocol.js").Stage} Stage */

const LIMIT = 8;
const ANNOUNCE_MS = 500;

/** The worker all elements share, and the index files opened in it. */
class Shared {
  static #users = new Set();
  /** @type {Shared|null} */
  static #current = null;

  client = new Client();
  /** @type {Map<string, Promise<string>>} */
  #opened = new Map();
  /** How many collections were named; never lowered, because a name may outlive the index that failed beside it. */
  #named = 0;

  /** @param {object} user */
  static join(user) {
    Shared.#users.add(user);
    Shared.#current ??= new Shared();
    return Shared.#current;
  }

  /** @param {object} user Moving an element leaves and joins at once, so the end waits until the move is over. */
  static leave(user) {
    Shared.#users.delete(user);
    setTimeout(() => {
      if (Shared.#users.size || !Shared.#current) return;
      Shared.#current.client.close();
      Shared.#current = null;
    });
  }

  /**
   * @param {string} src
   * @returns {Promise<string>} The name of the collection that holds this index.
   */
  open(src) {
    if (this.client.failure) {
      this.#opened.clear();
      this.client.restart();
    }
    let opened = this.#opened.get(src);
    if (!opened) {
      const collection = `element-${++this.#named}`;
      opened = this.client.call("open", { collection, src }).then(() => collection);
      opened.catch(() => this.#opened.delete(src));
      this.#opened.set(src, opened);
    }
    return opened;
  }
}

export class FindlingSearch extends HTMLElement {
  static observedAttributes = ["src", "label", "placeholder"];
  /** @type {CSSStyleSheet|null} */
  static #sheet = null;

  #input = element("input", {
    type: "search", role: "combobox", part: "input", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "list",
    autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "search", maxlength: "2000",
  });
  #panel = element("div", { class: "panel", part: "panel", hidden: true });
  #state = element("p", { class: "state", part: "status" });
  #list = element("div", { id: "list", role: "listbox", part: "list" });
  #announcer = element("p", { class: "hidden", role: "status", "aria-atomic": "true" });
  /** @type {Shared|null} */
  #shared = null;
  /** @type {Hit[]} */
  #hits = [];
  #chosen = -1;
  /** How often the list was closed: an answer to what was asked before does not open it again. */
  #closings = 0;
  #announcement = 0;
  /** Whether the panel tells how far the start is. */
  #starting = false;
  #onStage = (/** @type {Event} */ event) => this.#showStage(/** @type {CustomEvent<Stage>} */ (event).detail);

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    FindlingSearch.#sheet ??= sheetOf(STYLE);
    root.adoptedStyleSheets = [FindlingSearch.#sheet];
    this.#panel.append(this.#state, this.#list);
    root.append(this.#input, this.#panel, this.#announcer);
    this.#input.addEventListener("focus", () => this.#start());
    this.#input.addEventListener("input", () => this.#search(isUnfinished(this.#input.value)));
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("blur", () => this.#close());
    // Keeps the focus in the input, so that a click on an option is not first a blur that closes the list.
    this.#panel.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = /** @type {Element} */ (event.target).closest("[role=option]");
      const index = option ? [...this.#list.children].indexOf(option) : -1;
      if (index >= 0 && !this.#announceChoice(index)) event.preventDefault();
    });
  }

  connectedCallback() {
    this.#label();
    if (this.shadowRoot?.activeElement) this.#start();
  }

  disconnectedCallback() {
    this.#close();
    this.#leave();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    this.#label();
    if (name === "src" && this.#shared) this.#search();
  }

  #label() {
    const label = this.getAttribute("label") ?? "Search by meaning";
    this.#input.setAttribute("aria-label", label);
    this.#list.setAttribute("aria-label", "Results");
    this.#input.placeholder = this.getAttribute("placeholder") ?? label;
  }

  #start() {
    if (!this.#shared) {
      this.#shared = Shared.join(this);
      this.#shared.client.addEventListener("stage", this.#onStage);
    }
    // Opened ahead of the first letter, so that Python starts while somebody thinks.
    const closings = this.#closings;
    this.#open().catch((cause) => this.#fail(cause, closings));
    if (this.#input.value.trim()) this.#search();
  }

  #leave() {
    this.#shared?.client.removeEventListener("stage", this.#onStage);
    this.#shared = null;
    Shared.leave(this);
  }

  /** @returns {Promise<string>} */
  async #open() {
    const src = safeUrl(this.getAttribute("src"));
    if (!src) throw new FindlingError("bad_request", "this search has no src attribute with the address of an index");
    return /** @type {Shared} */ (this.#shared).open(src);
  }

  /** @param {boolean} [typing] Whether the last word may go on. */
  async #search(typing = false) {
    const query = this.#input.value.trim();
    const shared = this.#shared;
    if (!shared) return;
    if (!query) {
      this.#close();
      return;
    }
    const closings = this.#closings;
    try {
      if (shared.client.stage?.stage !== "ready") this.#say("Starting the search", true);
      const collection = await this.#open();
      const limit = Number(this.getAttribute("limit")) || LIMIT;
      const { hits } = await shared.client.search({ collection, query, limit, typing }, this);
      if (this.#shared === shared && this.#closings === closings) this.#show(hits, query);
    } catch (cause) {
      this.#fail(cause, closings);
    }
  }

  /**
   * @param {unknown} cause
   * @param {number} closings Their number when it was begun.
   */
  #fail(cause, closings) {
    const { code, message } = toError(cause);
    if (code === "aborted" || code === "closed" || !this.#shared || this.#closings !== closings) return;
    this.#list.replaceChildren();
    this.#hits = [];
    this.#say(`${message} (${code})`);
    this.#announce(message);
    this.#tell("findling-error", { code, message });
  }

  /** @param {Stage} stage */
  #showStage({ stage, done, total }) {
    if (this.#panel.hidden || !this.#starting) return;
    if (stage !== "ready") this.#state.textContent = total > 1e6 && done > 0 && done < total ? `Starting the search: ${megabytes(done)} of ${megabytes(total)} MB` : "Starting the search";
  }

  /**
   * @param {string} text
   * @param {boolean} [starting] Whether it is replaced by how far the start is.
   */
  #say(text, starting = false) {
    this.#starting = starting;
    this.#state.textContent = text;
    this.#state.hidden = false;
    this.#expand();
  }

  /**
   * @param {Hit[]} hits
   * @param {string} query
   */
  #show(hits, query) {
    this.#hits = hits;
    this.#starting = false;
    this.#list.replaceChildren(...hits.map(option));
    this.#choose(-1);
    this.#state.hidden = hits.length > 0;
    this.#state.textContent = hits.length ? "" : `Nothing is close to “${query}”.`;
    this.#expand();
    this.#announce(`${hits.length} results`);
    this.#tell("findling-results", { query, hits });
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, its keys are its own: Enter takes a candidate, not a result.
    if (event.isComposing || event.keyCode === 229) return;
    const last = this.#hits.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (event.altKey && event.key === "ArrowUp") this.#close();
      else if (this.#panel.hidden) this.#search();
      else if (event.key === "ArrowDown") this.#choose(this.#chosen === last ? -1 : this.#chosen + 1);
      else this.#choose(this.#chosen === -1 ? last : this.#chosen - 1);
    } else if (event.key === "Escape" && !this.#panel.hidden) {
      event.preventDefault();
      this.#close();
    } else if (event.key === "Enter" && this.#chosen >= 0) {
      event.preventDefault();
      /** @type {HTMLElement|undefined} */ (this.#list.children[this.#chosen])?.click();
    }
  }

  /** @param {number} index -1 chooses none. */
  #choose(index) {
    this.#chosen = Math.max(-1, Math.min(index, this.#hits.length - 1));
    [...this.#list.children].forEach((each, k) => each.setAttribute("aria-selected", String(k === this.#chosen)));
    const option = this.#list.children[this.#chosen];
    if (option) {
      this.#input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      this.#input.removeAttribute("aria-activedescendant");
    }
  }

  /**
   * @param {number} index
   * @returns {boolean} false when the page does something of its own with the hit.
   */
  #announceChoice(index) {
    this.#close();
    return this.dispatchEvent(new CustomEvent("findling-select", { detail: this.#hits[index], bubbles: true, composed: true, cancelable: true }));
  }

  #expand() {
    this.#panel.hidden = false;
    this.#input.setAttribute("aria-expanded", "true");
  }

  #close() {
    this.#closings++;
    this.#panel.hidden = true;
    this.#input.setAttribute("aria-expanded", "false");
    this.#choose(-1);
  }

  /** @param {string} text */
  #announce(text) {
    clearTimeout(this.#announcement);
    this.#announcement = window.setTimeout(() => {
      this.#announcer.textContent = text;
    }, ANNOUNCE_MS);
  }
}

/**
 * @param {Hit} hit
 * @param {number} index
 */
function option({ document: found, title_pieces, snippet: pieces }, index) {
  const href = safeUrl(found.url);
  const properties = { id: `option-${index}`, class: "option", part: "option", role: "option", "aria-selected": "false", tabindex: "-1" };
  const glyph = typeof found.meta?.emoji === "string" && element("span", { class: "glyph", "aria-hidden": "true" }, found.meta.emoji);
  const title = element("span", { class: "title" }, ...(found.title ? marked(title_pieces) : [found.id]));
  const snippet = element("span", { class: "snippet" }, ...marked(pieces));
  return href ? element("a", { ...properties, href, rel: "noopener" }, glyph, title, snippet) : element("div", properties, glyph, title, snippet);
}

/** @param {string} text */
function sheetOf(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
