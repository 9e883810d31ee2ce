// @ts-check
// Owns adding files to a collection: picking, dropping, progress, pause, cancel, and the list of what was not added.
// Must not know formats or how text is cut: it hands names and bytes to the worker. Invariant: every file that was chosen
// is either added or listed with the reason.

import { count, element } from "./dom.js";
import { dropped, picked } from "./folders.js";
import { inSlices } from "./pause.js";
import { toError } from "./protocol.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./protocol.js").AddResult} AddResult */
/** @typedef {import("./folders.js").Chosen} Chosen */

/** Files are sent in groups of about this size, so that memory holds only a few and cancelling is felt at once. */
const GROUP_BYTES = 4 << 20;
/** The largest file that any reader takes; more would only fill the memory of the tab. */
const MAX_BYTES = 128 << 20;
/** So many files that were not added for the same reason are named; of the others the number is said. */
const LISTED = 100;
/** Files that describe the one before them in the order of names, and so go with it. */
const SIDECAR = /\.xmp$/i;
/** The name of a file that a collection was exported to. */
const EXPORTED = /\.findling(\.zip)?$/i;
/** Why an import is aborted to be made once more. */
const RESTART = "restart";
/** Before so much has passed nobody can say how long it will take. */
const GUESS_MS = 3_000;

export class Adding {
  #client;
  #collection;
  #parts;
  #onAdded;
  #owner;
  /** What was chosen so far and not cancelled, by collection; a restarted worker needs it again. @type {Map<string, Map<string, File>>} */
  #kept = new Map();
  /** The files that were not added, by the reason, and the row that says so. @type {Map<string, {names: Set<string>, row: HTMLElement}>} */
  #notAdded = new Map();
  /** Reasons of rows that do not name all of their files yet. @type {Set<string>} */
  #stale = new Set();
  /** @type {AbortController|null} */
  #running = null;
  /** The request under way, which a pause ends; what it has added stays. @type {AbortController|null} */
  #sending = null;
  #paused = Promise.resolve();
  /** Goes on after a pause. @type {(() => void)|null} */
  #goOn = null;
  /** The import under way, or the last one. @type {Promise<void>} */
  #ended = Promise.resolve();

  /**
   * @param {Client} client
   * @param {() => string} collection Where files are added.
   * @param {{panel: HTMLElement, text: HTMLElement, bar: HTMLProgressElement, pause: HTMLElement, cancel: HTMLElement, dismiss: HTMLElement, skipped: HTMLElement, drop: HTMLElement, picker: HTMLInputElement, pick: HTMLElement}} parts
   * @param {(collection: string, result: AddResult, finished: boolean) => void} onAdded
   * @param {{begin: (collection: string, files: number, handles: Chosen["handles"]) => Promise<string|null>, end: () => void, exported: (file: File) => void}} owner `begin` opens a
   *   collection and tells why nothing can be added to it, or null; `end` comes after the last was added; `exported` takes a file that a collection was exported to.
   */
  constructor(client, collection, parts, onAdded, owner) {
    this.#client = client;
    this.#collection = collection;
    this.#parts = parts;
    this.#onAdded = onAdded;
    this.#owner = owner;
    parts.pick.addEventListener("click", () => this.take(picked(parts.picker)));
    parts.picker.addEventListener("change", () => {
      this.add([...(parts.picker.files ?? [])]);
      parts.picker.value = "";
    });
    parts.pause.addEventListener("click", () => this.#pause());
    parts.cancel.addEventListener("click", () => this.#stop());
    parts.dismiss.addEventListener("click", () => {
      this.#clear();
      parts.panel.hidden = true;
      parts.pick.focus();
    });
    this.#listenToDrops();
  }

  /** Adds everything that was chosen so far once more, for a worker that was restarted; it takes the place of an import under way. */
  async restart() {
    const chosen = [...this.#kept].map(([collection, files]) => ({ collection, files: [...files.values()] }));
    while (this.#running) {
      this.#stop(RESTART);
      await this.#ended;
    }
    for (const { collection, files } of chosen) await this.add(files, collection);
  }

  /** Nothing of a collection is added again. @param {string} collection */
  forget(collection) {
    this.#kept.delete(collection);
  }

  /**
   * @param {File[]} files
   * @param {string} [collection]
   * @param {Chosen["handles"]} [handles] By which the files can be reached at another visit.
   */
  async add(files, collection = this.#collection(), handles = null) {
    for (const file of files.filter(({ name }) => EXPORTED.test(name))) this.#owner.exported(file);
    files = files.filter(({ name }) => !EXPORTED.test(name));
    if (!files.length) return;
    if (this.#running) {
      this.#refuse(files, "another import is under way; add it again when that is done");
      return;
    }
    this.#running = new AbortController();
    this.#ended = this.#run(collection, files, handles, this.#running.signal);
    await this.#ended;
  }

  /**
   * Adds what somebody chooses, once the browser has told which files that is.
   * @param {Promise<Chosen|null>} choosing
   * @param {string} [collection]
   */
  async take(choosing, collection) {
    const chosen = await choosing;
    if (chosen) await this.add(chosen.files, collection, chosen.handles);
  }

  /** @param {string} [reason] */
  #stop(reason) {
    this.#running?.abort(reason);
    this.#sending?.abort();
    this.#resume();
  }

  /** Ends the request under way, so that the worker is free, and waits; or goes on, if that is what is wanted now. */
  #pause() {
    if (this.#goOn) {
      this.#resume();
      return;
    }
    this.#paused = new Promise((resume) => {
      this.#goOn = () => resume(undefined);
    });
    this.#parts.pause.textContent = "Go on";
    this.#sending?.abort();
  }

  #resume() {
    this.#goOn?.();
    this.#goOn = null;
    this.#parts.pause.textContent = "Pause";
  }

  /**
   * @param {string} collection
   * @param {File[]} files
   * @param {Chosen["handles"]} handles
   * @param {AbortSignal} signal
   */
  async #run(collection, files, handles, signal) {
    const { panel, bar, pause, cancel, dismiss } = this.#parts;
    const kept = this.#kept.get(collection) ?? new Map();
    this.#kept.set(collection, kept);
    for (const file of files) kept.set(file.name, file);
    let [added, unchanged, done, seen, reached, shown] = [0, 0, 0, 0, 0, 0];
    let time = new Remaining();
    /** @type {AddResult|null} */
    let last = null;
    this.#clear();
    [panel.hidden, pause.hidden, cancel.hidden, dismiss.hidden, bar.hidden] = [false, false, false, true, false];
    this.#say(`Reading ${count(files.length, "file")}`, 0);
    try {
      const refused = await this.#owner.begin(collection, files.length, handles);
      if (refused) throw new Error(refused);
      // The browser looks each of them up, one after the other.
      const sizes = await inSlices(files, ({ size }) => size);
      const total = sizes.reduce((sum, size) => sum + size, 0) || 1;
      const waiting = groups(files, sizes);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { files: sent, bytes } = next;
        if (this.#goOn && !signal.aborted) {
          this.#say(`Paused after ${reached} of ${count(files.length, "file")}`, shown);
          await this.#paused;
          time = new Remaining();
        }
        if (signal.aborted) {
          if (signal.reason !== RESTART) for (const file of sent) kept.delete(file.name);
          this.#refuse(sent, "cancelled");
          continue;
        }
        const payload = await this.#read(sent);
        if (signal.aborted || this.#goOn) {
          waiting.unshift(next);
          continue;
        }
        last = await this.#send(collection, payload, (share, name) => {
          shown = (done + share * bytes) / total;
          reached = seen + Math.floor(share * sent.length);
          this.#say(`Adding ${name ?? count(sent.length, "file")} · ${Math.min(reached + 1, files.length)} of ${files.length}${time.left(shown)}`, shown);
        });
        const [taken, same] = [last.added + last.replaced, last.unchanged ?? 0];
        [added, unchanged] = [added + taken, unchanged + same];
        this.#onAdded(collection, last, false);
        if (!signal.aborted && last.skipped.some(({ code }) => code === "aborted")) {
          // It was paused. What was added is known again and left alone.
          unchanged -= taken + same;
          waiting.unshift(next);
          continue;
        }
        for (const { name, code, reason } of last.skipped) this.#skip(name, code === "aborted" ? "cancelled" : reason);
        [done, seen] = [done + bytes, seen + sent.length];
      }
    } catch (cause) {
      const { message } = toError(cause);
      this.#refuse(files.slice(seen), message);
    }
    this.#running = null;
    this.#resume();
    [pause.hidden, cancel.hidden, dismiss.hidden, bar.hidden] = [true, true, false, true];
    const left = unchanged > 0 ? ` · ${unchanged.toLocaleString()} unchanged` : "";
    const skipped = [...this.#notAdded.values()].reduce((sum, { names }) => sum + names.size, 0);
    this.#say(`${count(added, "document")} added${left}${skipped ? ` · ${count(skipped, "file")} skipped` : ""}`, 1);
    if (last && signal.reason !== RESTART) this.#onAdded(collection, last, true);
    this.#owner.end();
  }

  /**
   * @param {File[]} group
   * @returns {Promise<{name: string, bytes: Uint8Array}[]>} Those that could be read.
   */
  async #read(group) {
    const payload = [];
    for (const file of group) {
      if (file.size > MAX_BYTES) {
        this.#refuse([file], `the file has ${count(file.size, "byte")}, the limit in a page is ${MAX_BYTES.toLocaleString()}; the command line takes larger ones`);
        continue;
      }
      try {
        payload.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
      } catch {
        this.#refuse([file], "the browser could not read it; it may be a folder, or have moved");
      }
    }
    return payload;
  }

  /**
   * @param {string} collection
   * @param {{name: string, bytes: Uint8Array}[]} files
   * @param {(share: number, name?: string) => void} onShare
   * @returns {Promise<AddResult>}
   */
  #send(collection, files, onShare) {
    this.#sending = new AbortController();
    const { signal } = this.#sending;
    const transfer = files.map(({ bytes }) => /** @type {ArrayBuffer} */ (bytes.buffer));
    return this.#client.call("add", { collection, files }, {
      signal,
      transfer,
      onProgress: ({ done, total, name }) => onShare(total ? done / total : 0, name),
    });
  }

  /**
   * @param {File[]} files
   * @param {string} reason
   */
  #refuse(files, reason) {
    for (const { name } of files) this.#skip(name, reason);
    this.#parts.panel.hidden = false;
  }

  /**
   * Lists a file that was not added.
   * @param {string} name
   * @param {string} reason
   */
  #skip(name, reason) {
    const { skipped } = this.#parts;
    const entry = this.#notAdded.get(reason) ?? { names: new Set(), row: skipped.appendChild(element("li", {})) };
    this.#notAdded.set(reason, entry);
    entry.names.add(name);
    this.#stale.add(reason);
    if (this.#stale.size === 1) queueMicrotask(() => this.#showStale());
    skipped.hidden = false;
  }

  /** Rows of which files came are written once, however many came together. */
  #showStale() {
    for (const reason of this.#stale) {
      const { names, row } = this.#notAdded.get(reason) ?? {};
      if (!names || !row) continue;
      const named = [...names].slice(0, LISTED);
      const further = names.size - named.length;
      const all = names.size > 1 && element("small", {}, named.join(", "), further > 0 && ` and ${further.toLocaleString()} more`);
      row.replaceChildren(element("strong", {}, all ? count(names.size, "file") : named.join()), " ", element("span", {}, reason), all || "");
    }
    this.#stale.clear();
  }

  #clear() {
    this.#notAdded.clear();
    this.#parts.skipped.replaceChildren();
    this.#parts.skipped.hidden = true;
  }

  /**
   * @param {string} text
   * @param {number} share Of the whole, 0 to 1.
   */
  #say(text, share) {
    this.#parts.text.textContent = text;
    this.#parts.bar.value = share;
  }

  #listenToDrops() {
    const { drop } = this.#parts;
    let depth = 0;
    const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    const show = (/** @type {number} */ change) => {
      depth = Math.max(0, depth + change);
      drop.hidden = depth === 0;
    };
    window.addEventListener("dragenter", (event) => carriesFiles(event) && show(1));
    window.addEventListener("dragleave", (event) => carriesFiles(event) && show(-1));
    window.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    window.addEventListener("drop", async (event) => {
      if (!carriesFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      show(-depth);
      await this.take(dropped(event.dataTransfer));
    });
  }
}

/**
 * @param {File[]} files
 * @param {number[]} sizes In bytes.
 */
function groups(files, sizes) {
  /** @type {{files: File[], bytes: number}[]} */
  const made = [];
  files.forEach((file, k) => {
    const [last, size] = [made.at(-1), sizes[k] ?? 0];
    if (last && (last.bytes + size <= GROUP_BYTES || SIDECAR.test(file.name))) {
      last.files.push(file);
      last.bytes += size;
    } else made.push({ files: [file], bytes: size });
  });
  return made;
}

/** How long an import will take yet, going by how long it took since it first came on: before that, engines had to start. */
class Remaining {
  /** @type {{at: number, share: number}|null} */
  #first = null;

  /** @param {number} share Done of the whole. @returns {string} Behind what is said already; nothing while it cannot be known. */
  left(share) {
    const at = performance.now();
    this.#first ??= { at, share };
    const passed = at - this.#first.at;
    const came = share - this.#first.share;
    if (passed < GUESS_MS || came <= 0) return "";
    const seconds = (passed / 1000) * ((1 - share) / came);
    return seconds < 90 ? ` · about ${Math.max(5, Math.ceil(seconds / 5) * 5)} s left` : ` · about ${Math.round(seconds / 60)} min left`;
  }
}
