// @ts-check
// Owns the shape of every message between a page and its worker: verbs, stages, error codes and keys.
// Must not know who sends a message, how it travels, or what a verb does.
// Invariant: whatever arrives is read as exactly one of reply, failure, progress, stage, fault or fatal, or refused;
// the same keys are written down once more in py/findling/wire.py, and tests/golden/wire holds both to them.

/** Verbs of the application; `cancel` names a request that is still running. */
export const VERBS = Object.freeze(
  /** @type {const} */ (["open", "add", "remove", "search", "save", "status", "close", "collections", "rename", "delete", "commit", "export", "import", "cancel"]),
);

/** Stages of a starting worker, in order. */
export const STAGES = Object.freeze(
  /** @type {const} */ (["engine", "python", "model", "index", "ready"]),
);

/** The parameter of a worker's address that promises the page's help, see ahead.js. */
export const HELP = "ahead";

/** Every error code, with the one sentence that says when it is used. */
export const CODES = Object.freeze({
  bad_request: "the message or plan is malformed",
  bad_input: "a document, text, vector or file is unusable",
  bad_format: "the bytes are not a valid container, model or index",
  wrong_version: "the file was written by a newer version",
  wrong_digest: "the bytes do not match their digest",
  wrong_dim: "a vector has another number of dimensions",
  wrong_space: "the vectors were made by another model",
  unsupported: "this architecture, file type or backend is not supported",
  not_found: "there is nothing of that name",
  not_ready: "the model is not loaded yet",
  aborted: "superseded by a newer request, or cancelled",
  closed: "the client or collection was closed",
  network: "a file could not be fetched",
  storage: "the browser refused to store or read data",
  no_wasm: "WebAssembly is missing or forbidden",
  worker_failed: "the worker stopped",
  bug: "a defect of Findling",
});

/** @typedef {typeof VERBS[number]} Verb */
/** @typedef {typeof STAGES[number]} StageName */
/** @typedef {keyof typeof CODES} Code */
/** @typedef {{code: Code, message: string, detail: Record<string, unknown>}} ErrorObject */
/** @typedef {{id: number, verb: Verb, args: Record<string, unknown>}} Request */
/** @typedef {{done: number, total: number, name?: string}} Progress `total` 0 means that it is not known. */
/** @typedef {{stage: StageName, done: number, total: number}} Stage `done` and `total` in bytes; 0 where nothing is loaded. */

/** @typedef {{id: string, title: string, text: string, kind?: string|null, url?: string|null, tags?: string[]|null, date?: string|null, meta?: Record<string, any>|null}} HitDocument */
/** @typedef {{headings?: string[], page?: number, line?: number, time?: number}} Place */
/** A stretch of a text, and whether it was searched for. @typedef {{text: string, hit: boolean}} Piece */
/** @typedef {{id: string, score: number, legs?: Record<string, number>, band?: "strong"|"fair"|"weak", document: HitDocument, passage: {index: number, text: string, place?: Place}, title_pieces: Piece[], snippet: Piece[]}} Hit `title_pieces` are the whole title; a snippet has `"… "` and `" …"` as pieces of their own where a sentence is cut. */
/** @typedef {{from: string, to: string}} Correction a word that was typed, and the one it was taken for */
/** @typedef {{query: string, hits: Hit[], total?: number, exact?: boolean, close?: boolean, facets?: any[], corrections?: Correction[], encoder?: "model" | "static", took_ms: number}} SearchResult `close` false: even the best hit is weak; `took_ms` is the time spent in Python and engine. */
/** @typedef {{collection: string, documents: number, passages: number, meta?: Record<string, any>|null, values: string[], lazy?: boolean, title?: string} & Kept} OpenResult `values`: what it can be filtered by; `lazy`: it is read piece by piece; `title`: of one that is kept. */
/** @typedef {{saved?: boolean, fault?: ErrorObject, claiming?: boolean}} Kept Of a collection that is kept: whether all it holds is stored, and why not; `claiming`: whether another tab writes it is not known yet, `commit` waits for that. */
/** @typedef {{collections: ({collection: string, title: string, documents: number|null, size_bytes?: number, open: boolean} & Kept)[]}} CollectionsResult What is kept, by name; `fault` also of one that cannot be read. */
/** @typedef {{collection: string, title: string} & Kept} RenameResult */
/** @typedef {{bytes: Uint8Array, name: string}} FileResult What `save` and `export` give. */
/** @typedef {{name: string, code: Code, reason: string}} Skipped */
/** @typedef {{added: number, replaced: number, unchanged: number, skipped: Skipped[], documents: number, passages: number} & Kept} AddResult */
/** @typedef {{removed: number} & Kept} RemoveResult */
/** How many workers embed a large import, the one that is asked among them; how many others there are now; why there are fewer. @typedef {{size: number, workers: number, reason: string|null}} PoolStatus */
/** @typedef {{backend: string, kernel: string, model: {name: string, space: string, source: "network"|"cache"|"memory"}|null, collections: Record<string, {documents: number, passages: number, values?: string[], size_bytes: {vectors: number, graph: number, text: number}, title?: string, saved?: boolean, fault?: ErrorObject}>, size_bytes: SizeBytes, memory_bytes: number|null, storage: any, pool: PoolStatus|null, received_bytes: Record<string, number>}} StatusResult `received_bytes`: of each index file, over the network. */
/** @typedef {{model: number, vectors: number, graph: number, text: number, buffers: number}} SizeBytes What the engine of this worker holds; `memory_bytes` beside it is its whole linear memory, null where it has none. */

/**
 * @typedef {{kind: "reply", id: number, result: any}
 *   | {kind: "failure", id: number, error: FindlingError}
 *   | {kind: "progress", id: number, progress: Progress}
 *   | {kind: "stage", stage: Stage}
 *   | {kind: "fault", error: FindlingError}
 *   | {kind: "fatal", error: FindlingError}} Incoming
 */

/** The one error class of the browser side: a stable `code`, a sentence for people, and facts in `detail`. */
export class FindlingError extends Error {
  /**
   * @param {Code} code
   * @param {string} message What happened, why, and what to do.
   * @param {Record<string, unknown>} [detail]
   */
  constructor(code, message, detail = {}) {
    super(message);
    this.name = "FindlingError";
    /** @type {Code} */
    this.code = code;
    /** @type {Record<string, unknown>} */
    this.detail = detail;
  }

  /** @returns {ErrorObject} The plain form that crosses the wire. */
  toObject() {
    return { code: this.code, message: this.message, detail: this.detail };
  }
}

/**
 * Turns anything thrown or received into a FindlingError: known codes are kept, the rest becomes `fallback`.
 * @param {unknown} cause
 * @param {Code} [fallback]
 * @returns {FindlingError}
 */
export function toError(cause, fallback = "bug") {
  if (cause instanceof FindlingError) return cause;
  const object = /** @type {any} */ (isObject(cause) ? cause : {});
  const known = typeof object.code === "string" && Object.hasOwn(CODES, object.code);
  const message = typeof object.message === "string" && object.message ? object.message : String(cause);
  const detail = known && isObject(object.detail) ? object.detail : {};
  return new FindlingError(known ? object.code : fallback, message, detail);
}

/**
 * @param {number} id Positive, unique among the requests of one worker.
 * @param {Verb} verb
 * @param {Record<string, unknown>} args
 * @returns {Request}
 */
export function request(id, verb, args) {
  return { id, verb, args };
}

/**
 * @param {StageName} stage
 * @param {number} done
 * @param {number} total
 */
export function stageEvent(stage, done, total) {
  return { event: "stage", stage, done, total };
}

/** Something did not come, and the worker goes on with what it has. @param {unknown} cause */
export function faultEvent(cause) {
  return { event: "fault", error: toError(cause).toObject() };
}

/** The worker cannot go on. @param {unknown} cause */
export function fatalEvent(cause) {
  return { event: "fatal", error: toError(cause).toObject() };
}

/**
 * The failure of one request that never reached the application.
 * @param {number} id
 * @param {unknown} cause
 */
export function failure(id, cause) {
  return { id, error: toError(cause).toObject() };
}

/**
 * Reads a message for the application, as the worker sees it.
 * @param {any} message
 * @returns {Request|null} null when it is not a request.
 */
export function readRequest(message) {
  return isObject(message) && Number.isInteger(message.id) && VERBS.includes(message.verb) && isObject(message.args)
    ? /** @type {Request} */ (message)
    : null;
}

/**
 * What of an answer goes over by transfer instead of by copy: the bytes of a collection.
 * @param {any} message
 * @returns {Transferable[]}
 */
export function transferables(message) {
  const bytes = isObject(message) && isObject(message.result) ? message.result.bytes : null;
  return bytes instanceof Uint8Array ? [/** @type {ArrayBuffer} */ (bytes.buffer)] : [];
}

/**
 * Reads a message from the worker, as the page sees it.
 * @param {any} message
 * @returns {Incoming|null} null when it has none of the known shapes.
 */
export function readIncoming(message) {
  if (!isObject(message)) return null;
  if (message.event === "stage" && STAGES.includes(message.stage)) {
    const { stage, done, total } = message;
    return { kind: "stage", stage: { stage, done: Number(done) || 0, total: Number(total) || 0 } };
  }
  if (message.event === "fault") return { kind: "fault", error: toError(message.error) };
  if (message.event === "fatal") return { kind: "fatal", error: toError(message.error) };
  if (!Number.isInteger(message.id)) return null;
  const { id } = message;
  if (isObject(message.error)) return { kind: "failure", id, error: toError(message.error) };
  if (isObject(message.progress)) return { kind: "progress", id, progress: /** @type {Progress} */ (message.progress) };
  return "result" in message ? { kind: "reply", id, result: message.result } : null;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
