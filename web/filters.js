// @ts-check
// Owns what narrows a search down on the page: the values of fields that are picked, the document that others are to be like, and the chips
// that show both. Must not know how anything is counted or searched. Invariant: every filter that holds is shown and can be
// taken away, also when no document has its value any more.

import { element } from "./dom.js";

/** @typedef {string|number} Value */
/** @typedef {{field: string, values: {value: Value, count: number}[], distinct: number, missing: number}} Facet */
/** @typedef {{id: string, title: string}} Like */

/** Fields that are shown, and values of each. */
const FIELDS = 3;
const VALUES = 12;

/**
 * The fields that are worth a row of chips, the best first: those whose values many documents share.
 * @param {Facet[]} facets Counts over a whole collection.
 * @param {number} total How many documents it has.
 */
export function worth(facets, total) {
  const shared = facets.filter(({ distinct, values }) => distinct > 1 && (values[0]?.count ?? 0) > 1 && distinct <= total / 2);
  shared.sort((a, b) => Number(b.field === "kind") - Number(a.field === "kind") || a.missing - b.missing || a.distinct - b.distinct);
  return shared.slice(0, FIELDS).map(({ field }) => field);
}

export class Filters {
  #panel;
  #toggle;
  #active;
  #onChange;
  /** What the list of filters shows. */
  #held = "";
  /** @type {Map<string, Set<Value>>} */
  #picked = new Map();
  /** The document that others are to be like. @type {Like|null} */
  like = null;

  /**
   * @param {{panel: HTMLElement, toggle: HTMLElement, active: HTMLElement}} parts The rows of chips, the button that unfolds them on a phone, and
   *   the list of what holds.
   * @param {() => void} onChange
   */
  constructor({ panel, toggle, active }, onChange) {
    this.#panel = panel;
    this.#toggle = toggle;
    this.#active = active;
    this.#onChange = onChange;
    panel.addEventListener("keydown", walk);
    toggle.addEventListener("click", () => {
      const open = toggle.getAttribute("aria-expanded") !== "true";
      toggle.setAttribute("aria-expanded", String(open));
      panel.classList.toggle("open", open);
    });
  }

  /** Whether anything narrows the search down. */
  get any() {
    return this.like !== null || this.#picked.size > 0;
  }

  /** Whether there are counts on the screen. */
  get isShown() {
    return !this.#panel.hidden;
  }

  /** Forgets everything, for another collection. */
  reset() {
    this.#clear();
    this.show([]);
  }

  /**
   * What a search takes of it.
   * @param {string[]} fields Those of the collection that are shown.
   * @returns {{like?: string, filter?: Record<string, unknown>, facets?: Record<string, unknown>[]}}
   */
  asked(fields) {
    const parts = [...this.#picked].map(([field, picked]) => ({ field, any: [...picked] }));
    return {
      ...(this.like ? { like: this.like.id } : {}),
      ...(parts.length ? { filter: parts.length === 1 ? parts[0] : { and: parts } } : {}),
      ...(fields.length ? { facets: fields.map((field) => ({ field, limit: VALUES })) } : {}),
    };
  }

  /** @param {Facet[]} facets Counts, as `asked` has asked for them. */
  show(facets) {
    const focused = this.#panel.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.chip : undefined;
    const rows = facets.map((facet) => this.#row(facet));
    this.#panel.replaceChildren(...rows.filter((row) => row !== null));
    this.#panel.hidden = this.#toggle.hidden = this.#panel.childElementCount === 0;
    const again = focused && [...this.#panel.querySelectorAll("button")].find((chip) => chip.dataset.chip === focused);
    if (again) stopAt(again).focus({ preventScroll: true });
    this.#showActive();
  }

  /** Puts the focus on what holds, after the control that made it hold has gone. */
  focus() {
    this.#active.querySelector("button")?.focus();
  }

  /** @param {Facet} facet */
  #row({ field, values: counted }) {
    const picked = this.#picked.get(field) ?? new Set();
    const counts = new Map(counted.map(({ value, count }) => [value, count]));
    const values = [...new Set([...picked, ...counts.keys()])];
    if (values.length < 2 && !picked.size) return null;
    const chips = values.map((value, at) => {
      const count = counts.get(value);
      const toggle = () => this.#toggled(field, value);
      const small = count === undefined ? null : element("small", {}, count.toLocaleString());
      return element("button", { type: "button", class: "chip", "data-chip": JSON.stringify([field, value]), "aria-pressed": String(picked.has(value)), tabindex: at ? -1 : 0, onclick: toggle }, element("span", {}, value), " ", small);
    });
    const label = `facet-${field}`;
    return element("div", { class: "facet", role: "toolbar", "aria-labelledby": label }, element("span", { id: label, class: "facet-name" }, field), element("div", { class: "chips" }, ...chips));
  }

  #showActive() {
    const held = JSON.stringify([this.like?.id, [...this.#picked].map(([field, values]) => [field, ...values])]);
    // Whoever stands on one of them stays there.
    if (held === this.#held) return;
    this.#held = held;
    /** @param {string} what @param {Value} value @param {() => void} drop */
    const item = (what, value, drop) =>
      element("li", {}, element("button", { type: "button", class: "chip on", "aria-label": `Remove ${what}: ${value}`, onclick: drop }, element("small", {}, what), " ", element("span", {}, value), element("i", { "aria-hidden": "true" }, "×")));
    const items = [...this.#picked].flatMap(([field, values]) => [...values].map((value) => item(field, value, () => this.#dropped(() => this.#turn(field, value)))));
    if (this.like) items.unshift(item("like", this.like.title, () => this.#dropped(() => (this.like = null))));
    if (items.length > 1) items.push(element("li", {}, element("button", { type: "button", class: "chip plain", onclick: () => this.#dropped(() => this.#clear()) }, "Clear all")));
    this.#active.replaceChildren(...items);
    this.#active.hidden = items.length === 0;
  }

  #clear() {
    this.#picked.clear();
    this.like = null;
  }

  /** @param {() => void} change Takes filters away; the focus goes to the next one, or to the field of the query. */
  #dropped(change) {
    change();
    this.#showActive();
    this.#onChange();
    if (this.#active.hidden) document.getElementById("query")?.focus();
    else this.focus();
  }

  /** @param {string} field @param {Value} value */
  #toggled(field, value) {
    this.#turn(field, value);
    this.#onChange();
  }

  /** @param {string} field @param {Value} value */
  #turn(field, value) {
    const picked = this.#picked.get(field) ?? new Set();
    if (!picked.delete(value)) picked.add(value);
    if (picked.size) this.#picked.set(field, picked);
    else this.#picked.delete(field);
  }
}

/** Arrows walk through the chips of a row, of which one is a stop of the Tab key. @param {KeyboardEvent} event */
function walk(event) {
  const chip = /** @type {HTMLElement} */ (event.target);
  const chips = [...(chip.parentElement?.children ?? [])];
  const here = chips.indexOf(chip);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: chips.length - 1 }[event.key];
  const next = to === undefined ? null : /** @type {HTMLElement|undefined} */ (chips[to]);
  if (!next) return;
  event.preventDefault();
  stopAt(next).focus();
}

/**
 * @template {HTMLElement} Chip
 * @param {Chip} chip
 * @returns {Chip} The chip, which is now the stop of its row.
 */
function stopAt(chip) {
  for (const other of chip.parentElement?.children ?? []) other.setAttribute("tabindex", other === chip ? "0" : "-1");
  return chip;
}
