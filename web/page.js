// @ts-check
// Owns the page: what is typed and picked becomes a search, what is found becomes a list, what happens is said truthfully.
// Must not know how hits are computed or files are read. Invariant: the list always belongs to the newest answered query
// of the collection that is chosen, and no failure leaves the page without a sentence that says so.

import { build } from "../build.js";
import { Adding } from "./adding.js";
import { Client } from "./client.js";
import { Collections, OWN } from "./collections.js";
import { element, isUnfinished } from "./dom.js";
import { Filters } from "./filters.js";
import { HitList } from "./hits.js";
import { Kept } from "./kept.js";
import { toError } from "./protocol.js";
import { StateLine } from "./state-line.js";

/** @typedef {import("./protocol.js").SearchResult} SearchResult */

const LIMIT = 24;
const LEAST = 4;
/** Height of a row of hits, at least. */
const ROW_PX = 72;
/** Typing has paused. */
const PAUSE_MS = 250;
/** A screen reader hears the count once typing rests. */
const ANNOUNCE_MS = 500;

/** @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
const byId = (id) => /** @type {T} */ (document.getElementById(id));

const input = /** @type {HTMLInputElement} */ (byId("query"));
const options = new URLSearchParams(location.search);
/** `?legs=words` or `?legs=meaning` ranks by one of them alone. */
const legs = options.has("legs") ? { legs: options.get("legs") } : {};
const client = new Client({ backend: options.get("backend"), pool: options.get("pool") });
const collections = new Collections(client, byId("collections"), options.get("index"), changeCollection, showCounts);
const list = new HitList(byId("hits"), input, (glyph) => announce(`Copied ${glyph}`, true), moreLike);
const filters = new Filters({ panel: byId("facets"), toggle: byId("filters"), active: byId("active") }, changeFilters);
const line = new StateLine(client, collections, () => input.value.trim() !== "" || filters.any);
const kept = new Kept(
  client,
  collections,
  {
    panel: byId("kept"),
    said: byId("kept-said"),
    again: byId("kept-again"),
    manage: byId("kept-manage"),
    more: byId("kept-more"),
    list: byId("kept-list"),
    where: byId("kept-where"),
    take: byId("take"),
    picker: byId("taken"),
    erase: byId("erase"),
  },
  (text) => announce(text, true),
  changeCollection,
  (name) => {
    adding.forget(name);
    unfinished?.then((each) => each.deleted(name));
  },
);
const adding = new Adding(
  client,
  () => (collections.chosen.keep ? collections.chosen.name : OWN),
  {
    panel: byId("import"),
    text: byId("import-text"),
    bar: byId("import-bar"),
    pause: byId("pause"),
    cancel: byId("cancel"),
    dismiss: byId("dismiss"),
    skipped: byId("skipped"),
    drop: byId("drop"),
    picker: byId("picker"),
    pick: byId("pick"),
  },
  showAdded,
  { begin: beginImport, end: endImport, exported: (file) => kept.take(file) },
);
/** @type {Promise<import("./unfinished.js").Unfinished>|null} */
let unfinished = null;
let announcement = 0;
/** Asks for what lies below the screen, and for counts, when typing pauses. */
let pausing = 0;
/** Whether the last word of the newest search may go on. */
let isTyping = false;
/** What was typed before others like a hit were asked for. */
let typedBefore = "";
/** Words that are searched as they were typed, because somebody went back from a correction. */
let verbatim = "";

input.addEventListener("input", () => {
  filters.like = null;
  typedBefore = "";
  search({ typing: isUnfinished(input.value), part: true });
});
byId("verbatim").addEventListener("click", () => {
  verbatim = input.value.trim();
  input.focus();
  search();
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
byId("restart").addEventListener("click", restart);
window.addEventListener("hashchange", readAddress);
window.addEventListener("keydown", (event) => {
  const editing = event.target instanceof Element && event.target.closest("input:not([type=radio]), textarea, select, [contenteditable]");
  const slash = event.key === "/" && !editing && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (slash || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    input.focus();
    input.select();
  }
});

start().then(() => {
  keepOffline();
  // Not before the first answer can be given: what is kept is nobody's first concern.
  kept.load().then(offerRest).catch(() => undefined);
});
readAddress();

/** The query lies behind `#`, where no server ever sees it. */
function readAddress() {
  const query = new URLSearchParams(location.hash.slice(1)).get("q");
  if (query !== null) input.value = query;
  search({ part: true });
}

async function start() {
  try {
    await collections.open();
    const status = await client.call("status", {});
    line.told(status);
  } catch (cause) {
    if (!client.failure) line.problem(toError(cause));
  }
}

/**
 * @param {{typing?: boolean, part?: boolean}} [how] Whether the last word may go on, and whether what fits on the screen is enough.
 */
async function search({ typing = false, part = false } = {}) {
  const query = input.value.trim();
  const { chosen } = collections;
  clearTimeout(pausing);
  isTyping = typing;
  if ((query === "" && !filters.any) || (chosen.keep && collections.count(chosen.name) === 0)) {
    showEmpty(chosen);
    return;
  }
  const started = performance.now();
  try {
    // Where no counts are shown yet they come with the first hits, so that nothing moves later.
    const fields = part && filters.isShown ? [] : collections.fields(chosen.name);
    const limit = part ? onScreen() : LIMIT;
    const wished = { ...filters.asked(fields), ...(query === verbatim ? { correct: false } : {}), ...legs, typing };
    // Both are asked at once, and in this order: a search of a collection that is being opened waits in the worker.
    const [, result] = await Promise.all([collections.open(), client.search({ collection: chosen.name, query, limit, ...wished })]);
    if (chosen !== collections.chosen || (input.value.trim() === "" && !filters.any)) return;
    showHits(result, started, part && result.hits.length === limit ? "+" : "", part);
    if (part && query === input.value.trim()) pausing = window.setTimeout(() => search({ typing }), PAUSE_MS);
    if (chosen.remote) showReceived();
  } catch (cause) {
    const error = toError(cause);
    if (error.code !== "aborted" && !client.failure) line.problem(error);
  }
}

/** What is on the screen is asked for again, with counts beside it. @param {string} name */
function showCounts(name) {
  if (name === collections.chosen.name && (input.value.trim() !== "" || filters.any)) search({ typing: isTyping });
}

/** How many hits fit on the screen, and one more: somebody who scrolls finds the list as long as it looks. */
function onScreen() {
  const { top } = byId("hits").getBoundingClientRect();
  const fitting = Math.ceil((window.innerHeight - top) / ROW_PX) + 1;
  return window.scrollY > 0 ? LIMIT : Math.max(LEAST, Math.min(LIMIT, fitting));
}

/**
 * @param {SearchResult} result
 * @param {number} started When the search was asked for, by performance.now().
 * @param {string} more A sign behind the number of hits when there are more of them.
 * @param {boolean} part Whether the rest of the hits, and counts, are still to come.
 */
function showHits({ query, hits, close = true, facets = [], corrections = [], encoder }, started, more, part) {
  list.show(hits, !collections.isLazy(collections.chosen.name));
  if (!part || facets.length) filters.show(facets);
  showCorrections(corrections);
  byId("hits").hidden = hits.length === 0;
  byId("empty").hidden = hits.length > 0 && close;
  const nearest = hits.length ? " The hits are what comes nearest." : "";
  if (!hits.length || !close) byId("empty").replaceChildren(element("p", {}, `Nothing in this collection is close to “${query}”.${nearest}`));
  byId("problem").hidden = true;
  const took = performance.now() - Math.max(started, line.readyAt);
  const time = took < 1000 ? `${took.toFixed(took < 10 ? 1 : 0)} ms` : `${(took / 1000).toFixed(1)} s`;
  const by = encoder === "static" ? ` by word vectors${line.coming && `, ${line.coming}`}` : "";
  line.show("ready", `${hits.length}${more} hits in ${time}${by} · ${line.backend || "engine"} · ${collections.chosen.remote ? "computed on this device" : "nothing left this device"}`);
  if (!part) announce([`${hits.length} results`, ...corrections.map(({ from, to }) => `for ${to} instead of ${from}`)].join(" "));
  document.documentElement.dataset.encoder = encoder ?? "";
  document.documentElement.dataset.answered = query;
  document.documentElement.dataset.part = String(part);
}

/** @param {import("./protocol.js").Correction[]} corrections */
function showCorrections(corrections) {
  byId("corrected").hidden = corrections.length === 0;
  const words = (/** @type {"from"|"to"} */ which) => corrections.map((each) => each[which]).join(", ");
  byId("corrected-to").textContent = words("to");
  byId("corrected-from").textContent = words("from");
}

/** @param {import("./protocol.js").Hit} hit */
function moreLike({ id, document: found }) {
  typedBefore = input.value.trim() || typedBefore;
  input.value = "";
  filters.like = { id, title: found.title || id };
  search().then(() => filters.focus());
}

/** Without others like it what was typed before is asked again. */
function changeFilters() {
  if (!filters.like) {
    input.value ||= typedBefore;
    typedBefore = "";
  }
  search();
}

function changeCollection() {
  kept.show();
  filters.reset();
  changeFilters();
}

/** How much of the indexes on servers has been read, behind what is said already. */
async function showReceived() {
  const said = byId("state-text").textContent;
  const { received_bytes } = await client.call("status", {});
  const kilobytes = Math.ceil(collections.received(received_bytes) / 1000);
  if (byId("state-text").textContent === said) line.show("ready", `${said} · ${kilobytes.toLocaleString()} kB read`);
}

/** @param {import("./collections.js").Choice} chosen */
function showEmpty(chosen) {
  byId("hits").hidden = true;
  list.show([], false);
  filters.show([]);
  showCorrections([]);
  const empty = byId("empty");
  empty.hidden = false;
  empty.replaceChildren(...(chosen.keep && collections.count(chosen.name) === 0 ? ownEmpty() : examplesOf(chosen)));
  if (line.isReady) line.idle();
  collections.open().catch((cause) => client.failure || line.problem(toError(cause)));
}

/** @param {import("./collections.js").Choice} chosen */
function examplesOf({ about, examples }) {
  const buttons = examples.map((example) => element("li", {}, element("button", { type: "button", class: "button", onclick: () => tryExample(example) }, example)));
  return [element("p", {}, about), ...(buttons.length ? [element("ul", { class: "examples", "aria-label": "Examples" }, ...buttons)] : [])];
}

function ownEmpty() {
  const pick = () => byId("pick").click();
  return [
    element(
      "div",
      { class: "well" },
      element("strong", {}, "Search your own files by meaning"),
      element("p", {}, "Drop files anywhere on this page: text, tables, web pages, documents, books, mail, images, code, archives. They are read here, and kept in this browser."),
      element("button", { type: "button", class: "button", onclick: pick }, "Choose files"),
      element("button", { type: "button", class: "button quiet", onclick: () => byId("take").click() }, "Import a collection"),
    ),
  ];
}

/** @param {string} example */
function tryExample(example) {
  input.value = example;
  input.focus();
  search();
}

/**
 * @param {string} collection
 * @param {import("./protocol.js").AddResult} result
 * @param {boolean} finished
 */
async function showAdded(collection, result, finished) {
  const { documents } = result;
  collections.setCount(collection, documents);
  kept.saw({ ...result, collection });
  if (!finished) return;
  if (collections.chosen.name !== collection) filters.reset();
  collections.choose(collection);
  await collections.refresh(collection).catch(() => undefined);
  announce(`${documents} documents in your files`, true);
  search();
}

/**
 * @param {string} collection
 * @param {number} files
 * @param {import("./folders.js").Chosen["handles"]} handles
 */
async function beginImport(collection, files, handles) {
  const refused = await kept.begin(collection);
  if (!refused) await (await unfinishedImports()).begin(collection, files, handles);
  return refused;
}

async function endImport() {
  // Without its module none has begun: one that was refused ends too.
  await (await unfinished)?.end();
  await kept.changed().catch(() => undefined);
}

/** Imports that are noted until they end: loaded with the first of them, since most visits import nothing. */
function unfinishedImports() {
  unfinished ??= import("./unfinished.js").then(
    ({ Unfinished }) =>
      new Unfinished(
        { panel: byId("unfinished"), said: byId("unfinished-said"), add: byId("unfinished-add"), leave: byId("unfinished-leave") },
        collections,
        (chosen, name) => adding.take(chosen, name),
      ),
  );
  return unfinished;
}

/** Of an import that was broken off the rest can be added. */
async function offerRest() {
  const { rememberedImport } = await import("./storage.js");
  if (rememberedImport()) await (await unfinishedImports()).load();
}

async function restart() {
  line.reset();
  collections.forget();
  client.restart();
  await start();
  await kept.load().catch(() => undefined);
  await adding.restart();
  search();
}

/**
 * Tells screen readers; the count of results only when typing rests.
 * @param {string} text
 * @param {boolean} [now]
 */
function announce(text, now = false) {
  clearTimeout(announcement);
  announcement = window.setTimeout(() => {
    byId("announcer").textContent = text;
  }, now ? 0 : ANNOUNCE_MS);
}

/** Hands the files of this version to the service worker, once they have been loaded anyway. */
async function keepOffline() {
  if (!navigator.serviceWorker) return;
  try {
    const registration = await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    const tier = line.backend || (await client.call("status", {})).backend;
    await navigator.serviceWorker.ready;
    const base = new URL("../build.js", import.meta.url);
    const engine = build.engine[tier];
    const { mjs, asm_mjs, asm_wasm, boot } = build.python;
    const files = [...build.shell, engine?.js, engine?.wasm, build.demo.url, mjs, asm_mjs, asm_wasm, boot].filter((url) => typeof url === "string");
    const keep = [...new Set(files.map((url) => new URL(url, base).href))];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      document.documentElement.dataset.offline = data.error ?? "kept";
    };
    registration.active?.postMessage({ keep: [new URL("./", document.baseURI).href, ...keep] }, [port2]);
  } catch {
    // Without a service worker the page needs the network at its next visit, and nothing else changes.
  }
}
