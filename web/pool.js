// @ts-check
// Owns the pool: workers that hold an engine and nothing else, how many there are, what each of them embeds, and their end.
// Must not know Python, documents or where a model lies; the worker that asks hands in its own engine and what else it takes.
// Invariant: every text is embedded by whoever has time, the asking worker among them, or its asker is told that nobody
// did; nobody waits for a worker that has ended; no worker outlives the last session.

import { startWorker } from "./client.js";
import { awaitEnd, hasLocks } from "./lock.js";
import { joined, requestOf, shardsOf } from "./shards.js";

export { shardsOf };

/** @typedef {import("./client.js").WorkerLike} WorkerLike */
/** @typedef {import("./protocol.js").PoolStatus} PoolStatus */

/**
 * What the pool asks of a worker: take a model, or embed a request of the engine's `embed`.
 * @typedef {{model: Uint8Array} | {shard: number, request: Uint8Array}} Order
 * What the worker says, the first line once it holds the lock of its name: it is there; the model is taken, and here are its
 * bytes again; the vectors of a shard, or none because the engine refused it; it can do no more.
 * @typedef {{started: true} | {model: Uint8Array} | {shard: number, vectors: Uint8Array|null} | {fatal: string}} Report
 */

/**
 * What the asking worker brings along.
 * @typedef {object} Host
 * @property {number} size how many workers embed, this one among them
 * @property {string|null} reason why it is not another number, where that is worth saying
 * @property {string} url of the workers' script
 * @property {{embed(request: Uint8Array): Uint8Array}} engine this worker's own, with its model
 * @property {() => Promise<Uint8Array>} model the bytes of the model, whole in a buffer of their own
 * @property {() => Promise<unknown>} pause resolves after the messages that wait in this worker's queue had their turn
 * @property {typeof startWorker} [start]
 * @property {typeof awaitEnd} [watch]
 * @property {() => number} [clock] in milliseconds
 */

/** Some texts that one engine embeds together. @typedef {{id: number, session: Session, texts: string[], settle: (vectors: Uint8Array|null) => void, alone: boolean}} Shard `alone`: a worker failed at it, so no other worker gets it. */
/** @typedef {{worker: WorkerLike, name: string, life: AbortController, ready: boolean, shards: Shard[], took: () => void}} Member */

/** What an engine with its model takes, in MiB. */
const WORKER_MB = 60;
/** The pool takes up to this part of the device's memory. */
const MEMORY_SHARE = 16;
/** A device that has less, in GiB, has no pool. */
const LEAST_MEMORY_GB = 2;
/** More workers than this would wait for the one that keeps the index, and take more linear memory than 350 MB together: 35 each, beside 105 of the asking one. */
const MOST = 7;
/** Somebody who asks for more than this has mistyped it. */
const MOST_ASKED = 16;
/** Shards a worker is given at a time, so that it has one while the asking worker embeds and hears nothing. */
const DEPTH = 2;
/** With more workers than this, the asking one has enough to do with what they send. */
const HELPED = 2;
/** How long the asking worker embeds at a time, in milliseconds: as long as a slice of an import takes it (collection.py). */
const OWN_MS = 150;
/** Pauses before it does: a search needs several from its message to its hits. */
const TURNS = 32;

/**
 * How many workers embed a large import, the one that is asked among them; 1 means that there is no pool.
 * @param {{hardwareConcurrency?: number, deviceMemory?: number, mobile?: boolean}} device `deviceMemory` in GiB; browsers
 *   that do not tell it get one worker more at most.
 */
export function poolSize({ hardwareConcurrency = 1, deviceMemory, mobile = false }) {
  if (mobile || (deviceMemory ?? LEAST_MEMORY_GB) < LEAST_MEMORY_GB) return 1;
  const room = deviceMemory === undefined ? 1 : Math.floor((deviceMemory * 1024) / MEMORY_SHARE / WORKER_MB);
  return Math.max(1, Math.min(Math.floor(hardwareConcurrency) || 1, 1 + room, MOST));
}

/**
 * The size for this browser.
 * @param {string|null} wish A number of workers that somebody asked for; what is none counts for nothing.
 * @returns {{size: number, reason: string|null}}
 */
export function sizeHere(wish) {
  if (!hasLocks()) return { size: 1, reason: "this page is not served securely, so that the end of a worker could not be noticed" };
  if (wish && /^[1-9]\d?$/.test(wish)) return { size: Math.min(Number(wish), MOST_ASKED), reason: null };
  const { hardwareConcurrency, deviceMemory, userAgentData, userAgent } = /** @type {any} */ (navigator);
  const mobile = userAgentData?.mobile ?? /Mobi|Android|iPhone|iPad/.test(userAgent);
  return { size: poolSize({ hardwareConcurrency, deviceMemory, mobile }), reason: null };
}

/** One import, as the pool sees it. The pool lives as long as there is one. */
export class Session {
  #enqueue;
  #end;

  /**
   * @param {(session: Session, shards: string[][]) => Promise<Uint8Array|null>[]} enqueue
   * @param {(session: Session) => void} end
   */
  constructor(enqueue, end) {
    this.#enqueue = enqueue;
    this.#end = end;
  }

  /**
   * The vectors of passages, a row each, in order: little-endian f32. Never rejects.
   * @param {string[]} texts
   * @returns {Promise<Uint8Array|null>} null when the engine refused one of them, or the session has ended.
   */
  async embed(texts) {
    const parts = await Promise.all(this.#enqueue(this, shardsOf(texts)));
    return parts.every((part) => part !== null) ? joined(parts) : null;
  }

  /** Says that nothing more is wanted; what is under way is told `null`. */
  end() {
    this.#end(this);
  }
}

export class Pool {
  #host;
  /** @type {Set<Member>} */
  #members = new Set();
  /** Each session with what it waits for. @type {Map<Session, Set<Shard>>} */
  #sessions = new Map();
  /** What nobody has begun, oldest first. @type {Shard[]} */
  #queue = [];
  /** Workers that wait for the model. @type {Member[]} */
  #newcomers = [];
  /** The one copy of the model, which goes from worker to worker. @type {Uint8Array|null} */
  #model = null;
  /** The model on its way here, for the first worker. @type {Promise<Uint8Array>|null} */
  #coming = null;
  #handing = false;
  #helping = false;
  /** Characters the asking worker embeds in about `OWN_MS`; less than one text until it is known how long they take. */
  #ownChars = 1;
  #nextId = 1;
  /** Why there are fewer workers than there should be. @type {string|null} */
  #reason;

  /** @param {Host} host */
  constructor(host) {
    this.#host = host;
    this.#reason = host.reason;
  }

  /** @returns {PoolStatus} */
  get status() {
    return { size: this.#host.size, workers: this.#members.size, reason: this.#reason };
  }

  /**
   * Starts the workers, unless others use them already.
   * @returns {Session|null} null where the asking worker is the only one that embeds.
   */
  begin() {
    if (this.#host.size < 2) return null;
    const session = new Session((...asked) => this.#enqueue(...asked), (ended) => this.#end(ended));
    this.#sessions.set(session, new Set());
    if (this.#members.size === 0) this.#startAll();
    return session;
  }

  /**
   * @param {Session} session
   * @param {string[][]} shards
   */
  #enqueue(session, shards) {
    const waiting = this.#sessions.get(session);
    if (!waiting) return [Promise.resolve(null)];
    const promises = shards.map(
      (texts) =>
        new Promise((/** @type {(vectors: Uint8Array|null) => void} */ resolve) => {
          /** @type {Shard} */
          const shard = { id: this.#nextId++, session, texts, alone: false, settle: (vectors) => waiting.delete(shard) && resolve(vectors) };
          waiting.add(shard);
          this.#queue.push(shard);
        }),
    );
    this.#share();
    return promises;
  }

  /** @param {Session} session */
  #end(session) {
    const waiting = this.#sessions.get(session);
    this.#sessions.delete(session);
    this.#queue = this.#queue.filter((shard) => shard.session !== session);
    for (const shard of waiting ?? []) shard.settle(null);
    if (this.#sessions.size > 0) return;
    for (const member of [...this.#members]) this.#dismiss(member);
    this.#model = this.#coming = null;
  }

  #startAll() {
    this.#reason = null;
    for (let number = 1; number < this.#host.size; number++) {
      const name = `findling-pool-${Math.random().toString(36).slice(2)}`;
      try {
        this.#add((this.#host.start ?? startWorker)(this.#host.url, name), name);
      } catch (cause) {
        this.#reason = `a worker could not be started inside the worker: ${cause instanceof Error ? cause.message : cause}`;
        break;
      }
    }
    if (this.#members.size === 0) return;
    // Read while they start, because the asking worker embeds meanwhile and every step of reading waits for it.
    this.#coming = this.#host.model();
    this.#coming.catch(() => undefined);
  }

  /**
   * @param {WorkerLike} worker
   * @param {string} name
   */
  #add(worker, name) {
    /** @type {Member} */
    const member = { worker, name, life: new AbortController(), ready: false, shards: [], took: () => undefined };
    this.#members.add(member);
    worker.addEventListener("message", ({ data }) => this.#members.has(member) && this.#receive(member, data));
    worker.addEventListener("error", (event) => {
      event.preventDefault?.();
      this.#lose(member, event.message || "its script could not be run");
    });
    worker.addEventListener("messageerror", () => this.#lose(member, "a message of it could not be read"));
  }

  /**
   * @param {Member} member
   * @param {any} report A Report.
   */
  #receive(member, report) {
    if (report.started) {
      (this.#host.watch ?? awaitEnd)(member.name, member.life.signal, () => this.#lose(member, "it was ended, perhaps for lack of memory"));
      this.#newcomers.push(member);
      this.#handModel();
    } else if (report.model) {
      this.#model = report.model;
      member.ready = true;
      member.took();
      this.#share();
    } else if (report.shard) {
      const at = member.shards.findIndex(({ id }) => id === report.shard);
      const [shard] = at < 0 ? [] : member.shards.splice(at, 1);
      shard?.settle(report.vectors);
      this.#share();
    } else {
      this.#lose(member, String(report.fatal));
    }
  }

  /** Hands the model to one worker after the other: so there is one copy on the way, however many they are. */
  async #handModel() {
    if (this.#handing) return;
    this.#handing = true;
    for (let member = this.#newcomers.shift(); member; member = this.#newcomers.shift()) {
      if (!this.#members.has(member)) continue;
      const newcomer = member;
      try {
        const model = this.#model ?? (await this.#modelOnce());
        this.#model = null;
        if (!this.#members.has(newcomer)) continue;
        const taken = new Promise((resume) => {
          newcomer.took = () => resume(undefined);
        });
        newcomer.worker.postMessage(/** @type {Order} */ ({ model }), [/** @type {ArrayBuffer} */ (model.buffer)]);
        await taken;
      } catch (cause) {
        this.#lose(newcomer, `the model could not be handed over: ${cause instanceof Error ? cause.message : cause}`);
      }
    }
    this.#handing = false;
    if ([...this.#members].every(({ ready }) => ready)) this.#model = null;
  }

  #modelOnce() {
    const coming = this.#coming ?? this.#host.model();
    this.#coming = null;
    return coming;
  }

  /** Gives waiting shards to the workers that have room, the least busy first, and lets this worker help. */
  #share() {
    for (;;) {
      const [member] = [...this.#members].filter(({ ready, shards }) => ready && shards.length < DEPTH).sort((a, b) => a.shards.length - b.shards.length);
      const at = member ? this.#queue.findIndex(({ alone }) => !alone) : -1;
      if (!member || at < 0) break;
      const [shard] = /** @type {[Shard]} */ (this.#queue.splice(at, 1));
      member.shards.push(shard);
      const request = requestOf(shard.texts);
      member.worker.postMessage(/** @type {Order} */ ({ shard: shard.id, request }), [/** @type {ArrayBuffer} */ (request.buffer)]);
    }
    if (this.#queue.length > 0) this.#help();
  }

  /** The asking worker's own engine embeds what waits, shard after shard, while the workers start or when they are few. */
  async #help() {
    if (this.#helping) return;
    this.#helping = true;
    while (this.#nextOwn() < this.#queue.length) {
      await this.#letOthersRun();
      const [shard] = this.#queue.splice(this.#nextOwn(), 1);
      if (!shard) break;
      shard.settle(await this.#embedOwn(shard));
    }
    this.#helping = false;
  }

  async #letOthersRun() {
    for (let turn = 0; turn < TURNS; turn++) await this.#host.pause();
  }

  /**
   * Embeds a shard in pieces of about `OWN_MS`, and lets others run between two of them.
   * @param {Shard} shard
   * @returns {Promise<Uint8Array|null>} null when the engine refused a text, or the session has ended.
   */
  async #embedOwn({ session, texts }) {
    const parts = [];
    for (let from = 0; from < texts.length; ) {
      if (from > 0) await this.#letOthersRun();
      if (!this.#sessions.has(session)) return null;
      const piece = [];
      let chars = 0;
      for (const text of texts.slice(from)) {
        if (piece.length > 0 && chars + text.length + 1 > this.#ownChars) break;
        piece.push(text);
        chars += text.length + 1;
      }
      from += piece.length;
      try {
        parts.push(this.#embedTimed(piece, chars));
      } catch {
        // Whoever asked meets the same refusal when it asks the engine itself, and knows what to do about it.
        return null;
      }
    }
    return joined(parts);
  }

  /**
   * Embeds with the asking worker's own engine, and learns from it how much that embeds in `OWN_MS`.
   * @param {string[]} texts
   * @param {number} chars What they count for.
   */
  #embedTimed(texts, chars) {
    const clock = this.#host.clock ?? (() => performance.now());
    const start = clock();
    const vectors = this.#host.engine.embed(requestOf(texts));
    // Twice as much at most: one piece that was quick by chance does not decide about the next.
    this.#ownChars = Math.min((chars * OWN_MS) / (clock() - start), 2 * Math.max(chars, this.#ownChars));
    return vectors;
  }

  /** Where in the queue the next shard of the asking worker is; past its end when there is none. */
  #nextOwn() {
    const few = [...this.#members].filter(({ ready }) => ready).length <= HELPED;
    const at = this.#queue.findIndex(({ alone }) => alone || few);
    return at < 0 ? this.#queue.length : at;
  }

  /**
   * Goes on without a worker; what it had is embedded by this one, so that a text at which a worker fails cannot end them all.
   * @param {Member} member
   * @param {string} why
   */
  #lose(member, why) {
    if (!this.#members.has(member)) return;
    this.#reason = `a worker of the pool stopped: ${why}`;
    const left = member.shards.filter(({ session }) => this.#sessions.has(session));
    for (const shard of left) shard.alone = true;
    this.#queue.unshift(...left);
    this.#dismiss(member);
    this.#share();
  }

  /** @param {Member} member */
  #dismiss(member) {
    this.#members.delete(member);
    member.life.abort();
    member.worker.terminate();
    member.took();
  }
}
