// @ts-check
// Owns the conversation with one worker: starting it, numbering requests, settling every promise, noticing its death.
// Must not know what a verb means, nor anything of the page around it. The only file that names Worker.
// Invariant: every promise handed out settles: with the reply, with the worker's error, with `aborted`, `closed`
// or `worker_failed`; and an answer to an older search never arrives after one to a newer search of the same lane.

import { awaitEnd } from "./lock.js";
import { FindlingError, HELP, readIncoming, request, toError } from "./protocol.js";

/** @typedef {import("./protocol.js").Verb} Verb */
/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {import("./protocol.js").Stage} Stage */
/** @typedef {import("./protocol.js").SearchResult} SearchResult */
/** @typedef {{collection: string, query: string, limit?: number, typing?: boolean}} SearchArgs `typing`: the last word may go on. */
/** @typedef {{onProgress?: (progress: Progress) => void, signal?: AbortSignal, transfer?: Transferable[]}} CallOptions */
/** @typedef {{resolve: (value: any) => void, reject: (error: FindlingError) => void, onProgress?: (progress: Progress) => void, release: () => void}} Pending */
/** @typedef {{args: SearchArgs, resolve: (value: SearchResult) => void, reject: (error: FindlingError) => void}} WaitingSearch */
/** @typedef {{waiting: WaitingSearch|null}} Lane */

/**
 * What a client needs of a worker.
 * @typedef {{postMessage(message: unknown, transfer?: Transferable[]): void, terminate(): void,
 *   addEventListener(type: string, listener: (event: any) => void): void}} WorkerLike
 */

/** The worker beside this file, in the same version of the shell. */
export const WORKER_URL = new URL("../worker.js", import.meta.url).href;

/**
 * Starts a module worker. A script of another origin may not be started directly, so it is imported by a blob, which
 * needs `blob:` and the script's host in `worker-src` of that page's policy, and CORS on the script.
 * @param {string} url Absolute.
 * @param {string} name Also the name of the lock the worker holds while it lives.
 * @returns {WorkerLike}
 */
export function startWorker(url, name) {
  if (new URL(url).origin === location.origin) return new Worker(url, { type: "module", name });
  const script = new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" });
  const trampoline = URL.createObjectURL(script);
  const worker = new Worker(trampoline, { type: "module", name });
  const revoke = () => URL.revokeObjectURL(trampoline);
  worker.addEventListener("message", revoke, { once: true });
  worker.addEventListener("error", revoke, { once: true });
  return worker;
}

/**
 * Starts the worker beside this file and helps it: the page has time while the worker's thread starts.
 * @param {string} url
 * @param {string} name
 */
function startWithHelp(url, name) {
  const worker = startWorker(url, name);
  import("./ahead.js").then(
    ({ help }) => help(worker),
    () => worker.postMessage({ ahead: null }),
  );
  return worker;
}

/**
 * A worker and the requests made of it. Dispatches `stage` (detail: Stage), `fault` and `fatal` (detail: FindlingError): after a
 * fault it goes on with what it has.
 */
export class Client extends EventTarget {
  #url;
  #start;
  /** @type {WorkerLike|null} */
  #worker = null;
  /** Aborted when this worker is given up, so that its death is no longer awaited. */
  #life = new AbortController();
  #nextId = 1;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {Map<unknown, Lane>} */
  #lanes = new Map();
  /** @type {Stage|null} */
  #stage = null;
  /** @type {FindlingError|null} */
  #failure = null;

  /**
   * @param {{url?: string, backend?: string|null, pool?: string|number|null, start?: (url: string, name: string) => WorkerLike}} [options]
   *   `backend` selects an engine tier by name; absent, the worker probes. `pool` says how many workers embed a large
   *   import, the one that is asked among them; absent, the device decides. `start` replaces the start of the
   *   worker beside this file, which the page helps.
   */
  constructor({ url = WORKER_URL, backend = null, pool = null, start = startWithHelp } = {}) {
    super();
    const target = new URL(url);
    if (start === startWithHelp) target.searchParams.set(HELP, "");
    if (backend) target.searchParams.set("backend", backend);
    if (pool) target.searchParams.set("pool", String(pool));
    this.#url = target.href;
    this.#start = start;
    this.#spawn();
  }

  /** The stage last reported, or null before the first; `ready` from then on, although the model may still be on its way. */
  get stage() {
    return this.#stage;
  }

  /** Why no request can be answered, or null while the worker lives. */
  get failure() {
    return this.#failure;
  }

  /**
   * Sends one request.
   * @param {Verb} verb
   * @param {Record<string, unknown>} args
   * @param {CallOptions} [options] Aborting `signal` asks the worker to cancel; the promise settles with its answer.
   * @returns {Promise<any>} The result; rejects with a FindlingError.
   */
  call(verb, args, { onProgress, signal, transfer = [] } = {}) {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      if (this.#failure || !worker) {
        reject(this.#failure ?? new FindlingError("closed", "the client is closed"));
        return;
      }
      if (signal?.aborted) {
        reject(new FindlingError("aborted", "cancelled before it was sent"));
        return;
      }
      const id = this.#nextId++;
      const cancel = () => worker.postMessage(request(this.#nextId++, "cancel", { id }));
      const release = () => signal?.removeEventListener("abort", cancel);
      this.#pending.set(id, { resolve, reject, onProgress, release });
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        worker.postMessage(request(id, verb, args), transfer);
      } catch (cause) {
        this.#take(id);
        reject(toError(cause, "bad_request"));
      }
    });
  }

  /**
   * Searches with at most one request under way in each lane: a search made meanwhile waits, and only the newest
   * waits; those it replaces reject with `aborted`.
   * @param {SearchArgs} args
   * @param {unknown} [lane] Who searches, such as an element; two lanes do not replace each other's searches.
   * @returns {Promise<SearchResult>}
   */
  search(args, lane = null) {
    const busy = this.#lanes.get(lane);
    if (!busy) return this.#run(args, lane);
    busy.waiting?.reject(new FindlingError("aborted", "superseded by a newer search"));
    return new Promise((resolve, reject) => {
      busy.waiting = { args, resolve, reject };
    });
  }

  /** Replaces a dead or living worker by a new one, which knows nothing of what was open. */
  restart() {
    this.#end(new FindlingError("aborted", "the worker was restarted"));
    this.#failure = null;
    this.#stage = null;
    this.#spawn();
  }

  /** Ends the worker; what is pending rejects with `closed`. */
  close() {
    const error = new FindlingError("closed", "the client was closed");
    this.#end(error);
    this.#failure = error;
  }

  #spawn() {
    const name = `findling-${Math.random().toString(36).slice(2)}`;
    const life = new AbortController();
    this.#life = life;
    /** @type {WorkerLike} */
    let worker;
    try {
      worker = this.#start(this.#url, name);
    } catch (cause) {
      this.#fail(failed("the browser refused to start the worker", toError(cause).message));
      return;
    }
    this.#worker = worker;
    let heard = false;
    worker.addEventListener("message", ({ data }) => {
      if (this.#worker !== worker) return;
      if (!heard) {
        heard = true;
        // A worker holds its lock from before its first message on.
        awaitEnd(name, life.signal, () => this.#fail(failed("the worker was ended, perhaps for lack of memory")));
      }
      this.#receive(data);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault?.();
      if (this.#worker === worker) this.#fail(failed("the worker stopped", event.message || "its script could not be run"));
    });
    worker.addEventListener("messageerror", () => {
      if (this.#worker === worker) this.#fail(failed("a message of the worker could not be read"));
    });
  }

  /**
   * @param {SearchArgs} args
   * @param {unknown} lane
   * @returns {Promise<SearchResult>}
   */
  async #run(args, lane) {
    /** @type {Lane} */
    const own = { waiting: null };
    this.#lanes.set(lane, own);
    try {
      return await this.call("search", args);
    } finally {
      // After a restart the lane belongs to the searches of the new worker.
      if (this.#lanes.get(lane) === own) {
        this.#lanes.delete(lane);
        if (own.waiting) this.#run(own.waiting.args, lane).then(own.waiting.resolve, own.waiting.reject);
      }
    }
  }

  /** @param {unknown} data */
  #receive(data) {
    const message = readIncoming(data);
    if (!message) return;
    switch (message.kind) {
      case "stage":
        if (this.#stage?.stage !== "ready") this.#stage = message.stage;
        this.dispatchEvent(new CustomEvent("stage", { detail: message.stage }));
        break;
      case "fault":
        this.dispatchEvent(new CustomEvent("fault", { detail: message.error }));
        break;
      case "fatal":
        this.#fail(message.error);
        break;
      case "progress":
        this.#pending.get(message.id)?.onProgress?.(message.progress);
        break;
      case "reply":
        this.#take(message.id)?.resolve(message.result);
        break;
      case "failure":
        this.#take(message.id)?.reject(message.error);
        break;
    }
  }

  /**
   * @param {number} id
   * @returns {Pending|undefined} undefined for a request that is already settled.
   */
  #take(id) {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }

  /** @param {FindlingError} error */
  #fail(error) {
    this.#failure = error;
    this.#end(error);
    this.dispatchEvent(new CustomEvent("fatal", { detail: error }));
  }

  /** @param {FindlingError} error Given to everything that waits. */
  #end(error) {
    this.#life.abort();
    this.#worker?.terminate();
    this.#worker = null;
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    for (const { waiting } of lanes) waiting?.reject(error);
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }
}

/**
 * @param {string} what
 * @param {string} [why]
 */
function failed(what, why) {
  const message = why ? `${what}: ${why}` : what;
  return new FindlingError("worker_failed", `${message}; start it again to go on`, why ? { reason: why } : {});
}
