// @ts-check
// Owns adding files to a collection: picking, dropping, progress, cancel, and the list of what was not added.
// Must not know formats or how text is cut: it hands names and bytes to the worker. Invariant: every file that was chosen
// is either added or listed with the reason.

import { element } from "./dom.js";
import { filesOf } from "./folders.js";
import { toError } from "./protocol.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./protocol.js").AddResult} AddResult */
/** @typedef {{name: string, reason: string}} NotAdded */

/** Files are sent in groups of about this size, so that memory holds only a few and cancelling is felt at once. */
const GROUP_BYTES = 4 << 20;
/** The largest file that any reader takes; more would only fill the memory of the tab. */
const MAX_BYTES = 128 << 20;
/** Files that describe the one before them in the order of names, and so go with it. */
const SIDECAR = /\.xmp$/i;
/** Why an import is aborted to be made once more. */
const RESTART = "restart";

export class Adding {
  #client;
  #collection;
  #parts;
  #onAdded;
  /** What was chosen so far and not cancelled; a restarted worker needs it again. @type {Map<string, File>} */
  #kept = new Map();
  /** @type {NotAdded[]} */
  #notAdded = [];
  /** @type {AbortController|null} */
  #running = null;
  /** The import under way, or the last one. @type {Promise<void>} */
  #ended = Promise.resolve();

  /**
   * @param {Client} client
   * @param {string} collection
   * @param {{panel: HTMLElement, text: HTMLElement, bar: HTMLProgressElement, cancel: HTMLElement, dismiss: HTMLElement, skipped: HTMLElement, drop: HTMLElement, picker: HTMLInputElement, pick: HTMLElement}} parts
   * @param {(result: {documents: number, passages: number}, finished: boolean) => void} onAdded
   */
  constructor(client, collection, parts, onAdded) {
    this.#client = client;
    this.#collection = collection;
    this.#parts = parts;
    this.#onAdded = onAdded;
    parts.pick.addEventListener("click", () => parts.picker.click());
    parts.picker.addEventListener("change", () => {
      this.add([...(parts.picker.files ?? [])]);
      parts.picker.value = "";
    });
    parts.cancel.addEventListener("click", () => this.#running?.abort());
    parts.dismiss.addEventListener("click", () => {
      this.#notAdded = [];
      parts.panel.hidden = true;
      parts.pick.focus();
    });
    this.#listenToDrops();
  }

  /** Adds everything that was chosen so far once more, for a worker that was restarted; it takes the place of an import under way. */
  async restart() {
    const files = [...this.#kept.values()];
    while (this.#running) {
      this.#running.abort(RESTART);
      await this.#ended;
    }
    await this.add(files);
  }

  /** @param {File[]} files */
  async add(files) {
    if (!files.length) return;
    if (this.#running) {
      this.#refuse(files, "another import is under way; add it again when that is done");
      return;
    }
    this.#running = new AbortController();
    this.#ended = this.#run(files, this.#running.signal);
    await this.#ended;
  }

  /**
   * @param {File[]} files
   * @param {AbortSignal} signal
   */
  async #run(files, signal) {
    const { panel, bar, cancel, dismiss } = this.#parts;
    for (const file of files) this.#kept.set(file.name, file);
    const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
    let [added, done, seen] = [0, 0, 0];
    /** @type {AddResult|null} */
    let last = null;
    this.#notAdded = [];
    this.#showNotAdded();
    [panel.hidden, cancel.hidden, dismiss.hidden, bar.hidden] = [false, false, true, false];
    this.#say(`Reading ${count(files.length, "file")}`, 0);
    try {
      await this.#client.call("open", { collection: this.#collection });
      for (const group of groups(files)) {
        if (signal.aborted) {
          if (signal.reason !== RESTART) for (const file of group) this.#kept.delete(file.name);
          this.#refuse(group, "cancelled");
          continue;
        }
        const bytes = group.reduce((sum, file) => sum + file.size, 0);
        const payload = await this.#read(group);
        last = await this.#send(payload, signal, (share, name) => {
          this.#say(`Adding ${name ?? count(group.length, "file")} · ${Math.min(seen + 1, files.length)} of ${files.length}`, (done + share * bytes) / total);
        });
        for (const { name, code, reason } of last.skipped) this.#notAdded.push({ name, reason: code === "aborted" ? "cancelled" : reason });
        [added, done, seen] = [added + last.added + last.replaced, done + bytes, seen + group.length];
        this.#onAdded(last, false);
      }
    } catch (cause) {
      const { message } = toError(cause);
      this.#refuse(files.slice(seen), message);
    }
    this.#running = null;
    [cancel.hidden, dismiss.hidden, bar.hidden] = [true, false, true];
    this.#say(`${count(added, "document")} added${this.#notAdded.length ? ` · ${count(this.#notAdded.length, "file")} skipped` : ""}`, 1);
    this.#showNotAdded();
    if (last && signal.reason !== RESTART) this.#onAdded(last, true);
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
   * @param {{name: string, bytes: Uint8Array}[]} files
   * @param {AbortSignal} signal
   * @param {(share: number, name?: string) => void} onShare
   * @returns {Promise<AddResult>}
   */
  #send(files, signal, onShare) {
    const transfer = files.map(({ bytes }) => /** @type {ArrayBuffer} */ (bytes.buffer));
    return this.#client.call("add", { collection: this.#collection, files }, {
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
    this.#notAdded.push(...files.map(({ name }) => ({ name, reason })));
    this.#parts.panel.hidden = false;
    this.#showNotAdded();
  }

  /**
   * @param {string} text
   * @param {number} share Of the whole, 0 to 1.
   */
  #say(text, share) {
    this.#parts.text.textContent = text;
    this.#parts.bar.value = share;
  }

  #showNotAdded() {
    const { skipped } = this.#parts;
    skipped.replaceChildren(...this.#notAdded.map(({ name, reason }) => element("li", {}, element("strong", {}, name), " ", element("span", {}, reason))));
    skipped.hidden = this.#notAdded.length === 0;
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
      await this.add(await filesOf(event.dataTransfer));
    });
  }
}

/** @param {File[]} files */
function groups(files) {
  /** @type {File[][]} */
  const made = [];
  let room = 0;
  for (const file of files) {
    if (!made.length || (room < file.size && !SIDECAR.test(file.name))) {
      made.push([]);
      room = GROUP_BYTES;
    }
    made.at(-1)?.push(file);
    room -= file.size;
  }
  return made;
}

/**
 * @param {number} n
 * @param {string} noun
 */
function count(n, noun) {
  return `${n.toLocaleString()} ${noun}${n === 1 ? "" : "s"}`;
}
