// @ts-check
// Owns the page's list of hits: one row each, and the keys that walk through them.
// Must not know the worker or where hits come from. Invariant: each row has exactly one control that takes focus, and
// everything a document says is shown as text.

import { element, marked, safeUrl } from "./dom.js";

/** @typedef {import("./protocol.js").Hit} Hit */

export class HitList {
  #list;
  #above;
  #onCopied;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} above Takes the focus when it leaves the list upwards, and opens the list by Arrow down.
   * @param {(glyph: string) => void} onCopied
   */
  constructor(list, above, onCopied) {
    this.#list = list;
    this.#above = above;
    this.#onCopied = onCopied;
    above.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && !event.isComposing && this.#controls().length) this.#move(event, 0);
    });
    list.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** @param {Hit[]} hits */
  show(hits) {
    this.#list.replaceChildren(...hits.map((hit) => this.#row(hit)));
  }

  /** @param {Hit} hit */
  #row(hit) {
    const { document: found, score, passage } = hit;
    const glyph = typeof found.meta?.emoji === "string" ? found.meta.emoji : null;
    const kind = found.kind || "text";
    const title = found.title ? marked(hit.title_pieces) : [found.id];
    const group = [kind, glyph ? found.meta?.subgroup : null].filter(Boolean).join(" · ");
    return element(
      "li",
      {},
      element("span", { class: glyph ? "tile" : "tile kind", "aria-hidden": "true" }, glyph ?? suffix(found.id) ?? kind.slice(0, 4)),
      element("div", {}, this.#control(title, glyph, found.url), element("span", { class: glyph ? "group named" : "group" }, glyph ? group : ["", found.id].includes(found.title) ? kind : found.id)),
      scoreMeter(score),
      glyph ? null : element("p", { class: "snippet" }, ...marked(hit.snippet)),
      glyph ? null : element("p", { class: "passage" }, passage.text),
    );
  }

  /**
   * An emoji is copied, a page is followed, a passage is unfolded.
   * @param {import("./dom.js").Child[]} title
   * @param {string|null} glyph
   * @param {string|null|undefined} url
   */
  #control(title, glyph, url) {
    if (glyph) {
      const copy = () => navigator.clipboard?.writeText(glyph).then(() => this.#onCopied(glyph), () => undefined);
      return element("button", { type: "button", class: "title", title: `Copy ${glyph}`, onclick: copy }, ...title);
    }
    const href = safeUrl(url);
    if (href) return element("a", { class: "title", href, rel: "noopener noreferrer" }, ...title);
    const unfold = (/** @type {Event} */ event) => {
      const button = /** @type {HTMLElement} */ (event.currentTarget);
      button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    };
    return element("button", { type: "button", class: "title", "aria-expanded": "false", onclick: unfold }, ...title);
  }

  /** @returns {HTMLElement[]} */
  #controls() {
    return [...this.#list.querySelectorAll(".title")].map((control) => /** @type {HTMLElement} */ (control));
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const controls = this.#controls();
    const here = controls.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: controls.length - 1, Escape: -1 }[event.key];
    if (to !== undefined && here >= 0) this.#move(event, Math.min(to, controls.length - 1));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} to -1 leaves the list upwards.
   */
  #move(event, to) {
    event.preventDefault();
    (this.#controls()[to] ?? this.#above).focus();
  }
}

/**
 * @param {string} id Of a file, or of a part of one: `notes.md#2`.
 * @returns {string|undefined}
 */
function suffix(id) {
  return /\.(\w{1,5})(?:#|$)/.exec(id)?.[1];
}

/** @param {number} score Cosine, 1 is the same meaning. */
function scoreMeter(score) {
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.setProperty("--score", String(Math.max(0, Math.min(1, score))));
  return element("span", { class: "score" }, element("span", { class: "hidden" }, "Score "), score.toFixed(2), bar);
}
