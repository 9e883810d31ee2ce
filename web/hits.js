// @ts-check
// Owns the page's list of hits: one row each, and the keys that walk through them.
// Must not know the worker or where hits come from. Invariant: each row has one control that opens it, and at most one for others
// like it; everything a document says is shown as text, and a row that is shown already is not made again.

import { element, marked, safeUrl } from "./dom.js";

/** @typedef {import("./protocol.js").Hit} Hit */

export class HitList {
  #list;
  #above;
  #onCopied;
  #onLike;
  /** The rows that are shown, by what they show beside the score. @type {Map<string, HTMLElement>} */
  #rows = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} above Takes the focus when it leaves the list upwards, and opens the list by Arrow down.
   * @param {(glyph: string) => void} onCopied
   * @param {(hit: Hit) => void} onLike Others like a hit are wanted.
   */
  constructor(list, above, onCopied, onLike) {
    this.#list = list;
    this.#above = above;
    this.#onCopied = onCopied;
    this.#onLike = onLike;
    above.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && !event.isComposing && this.#controls().length) this.#move(event, 0);
    });
    list.addEventListener("keydown", (event) => this.#walk(event));
  }

  /**
   * @param {Hit[]} hits
   * @param {boolean} liking Whether others like a hit can be asked for.
   */
  show(hits, liking) {
    const before = this.#rows;
    this.#rows = new Map(
      hits.map((hit) => {
        // Only what is shown counts: an emoji has no snippet, whatever is marked in it.
        const shown = typeof hit.document.meta?.emoji === "string" ? null : [hit.passage, hit.snippet];
        const key = JSON.stringify([hit.document, hit.title_pieces, shown, liking]);
        const row = before.get(key);
        return [key, row && !row.querySelector('[aria-expanded="true"]') ? scored(row, hit.score) : this.#row(hit, liking)];
      }),
    );
    const rows = [...this.#rows.values()];
    const kept = new Set(rows);
    for (const row of before.values()) if (!kept.has(row)) row.remove();
    // What is in its place already stays there: to move a row costs as much as to add it.
    rows.forEach((row, at) => this.#list.children[at] !== row && this.#list.insertBefore(row, this.#list.children[at] ?? null));
  }

  /**
   * @param {Hit} hit
   * @param {boolean} liking
   */
  #row(hit, liking) {
    const { document: found, score, passage } = hit;
    const glyph = typeof found.meta?.emoji === "string" ? found.meta.emoji : null;
    const kind = found.kind || "text";
    const title = found.title ? marked(hit.title_pieces) : [found.id];
    const isFile = !glyph && !found.meta?.topic && !["", found.id].includes(found.title);
    const group = isFile ? [found.id, ...placed(passage.place ?? {}, found.title)].join(" · ") : [kind, found.meta?.subgroup ?? found.meta?.topic].filter(Boolean).join(" · ");
    const row = element(
      "li",
      {},
      element("span", { class: glyph ? "tile" : "tile kind", "aria-hidden": "true" }, glyph ?? suffix(found.id) ?? short(kind)),
      element("div", {}, this.#control(title, glyph, found.url), element("span", { class: isFile ? "group" : "group named" }, group)),
      liking ? this.#similar(hit) : null,
      element("span", { class: "score" }, element("span", { class: "hidden" }, "Score "), "", element("i", { "aria-hidden": "true" })),
      glyph ? null : element("p", { class: "snippet" }, ...marked(hit.snippet)),
      glyph ? null : element("p", { class: "passage" }, passage.text),
    );
    return scored(row, score);
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

  /** @param {Hit} hit */
  #similar(hit) {
    return element("button", { type: "button", class: "similar", "aria-label": `More like ${hit.document.title || hit.id}`, title: "More like this", onclick: () => this.#onLike(hit) }, "≈");
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

/**
 * Where a passage stands, as people say it; lines are for programs.
 * @param {import("./protocol.js").Place} place
 * @param {string} title A heading that is the title already says nothing.
 */
function placed({ page, time, headings = [] }, title) {
  const two = (/** @type {number} */ number) => String(Math.floor(number) % 60).padStart(2, "0");
  const minutes = time === undefined ? 0 : Math.floor(time / 60);
  const at = time === undefined ? null : minutes < 60 ? `${minutes}:${two(time)}` : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(time)}`;
  const under = headings.filter((heading) => heading !== title).join(" › ");
  return [page ? `page ${page}` : null, at, under].filter(Boolean);
}

/** @param {string} kind In at most four letters. */
function short(kind) {
  return kind.length > 4 ? `${kind.slice(0, 3)}.` : kind;
}

/**
 * @param {HTMLElement} row
 * @param {number} score Cosine, 1 is the same meaning.
 * @returns {HTMLElement} The row, which shows the score.
 */
function scored(row, score) {
  const bar = /** @type {HTMLElement} */ (row.querySelector(".score i"));
  /** @type {ChildNode} */ (bar.previousSibling).textContent = score.toFixed(2);
  bar.style.setProperty("--score", String(Math.max(0, Math.min(1, score))));
  return row;
}
