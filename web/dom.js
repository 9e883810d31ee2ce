// @ts-check
// Owns how text from documents becomes elements: as text nodes, and addresses only of harmless schemes.
// Must not know messages, collections or the worker. Invariant: no string given to it is ever parsed as HTML.

/** @typedef {Node|string|number|null|undefined|false} Child */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string|number|boolean|null|undefined|((event: any) => void)>} [properties]
 *   `onclick` and the like listen; `class` and everything else are attributes; true is an empty one, false and null none.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) made.append(child instanceof Node ? child : String(child));
  }
  return made;
}

/**
 * @param {import("./protocol.js").Piece[]} pieces
 * @returns {Child[]} Text, with <mark> around what was searched for.
 */
export function marked(pieces) {
  return pieces.map(({ text, hit }) => (hit ? element("mark", { part: "mark" }, text) : text));
}

/**
 * @param {unknown} address From a document, so from anyone.
 * @param {string} [base]
 * @returns {string|null} An absolute address that may be followed, or null.
 */
export function safeUrl(address, base = document.baseURI) {
  if (typeof address !== "string" || address === "") return null;
  try {
    const url = new URL(address, base);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {number} bytes
 * @returns {string} In megabytes, as file managers count them.
 */
export function megabytes(bytes) {
  return new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(bytes / 1e6);
}

/** @param {number} bytes @returns {string} With its unit: megabytes from a tenth on, else kilobytes. */
export function sizeOf(bytes) {
  return bytes >= 1e5 ? `${megabytes(bytes)} MB` : `${Math.ceil(bytes / 1e3).toLocaleString()} kB`;
}

/**
 * @param {number} n
 * @param {string} noun In the singular, of those that take an s.
 * @returns {string} So many of them, in words.
 */
export function count(n, noun) {
  return `${n.toLocaleString()} ${noun}${n === 1 ? "" : "s"}`;
}

/**
 * @param {string} typed While somebody is typing.
 * @returns {boolean} Whether the last word may go on.
 */
export function isUnfinished(typed) {
  return /\S$/.test(typed);
}
