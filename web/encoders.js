// @ts-check
// Owns what makes vectors of texts in a worker's engine: the model, and the piece table that stands in for it while the model is
// on its way. Must not know what is searched, or who waits. Invariant: each is fetched once and loaded when its bytes are
// there; nothing else of the start waits for them, and whoever needs one waits for that one alone.

import { piecesAsset } from "./ahead.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./store.js").Source} Source */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Kept & {source: Source}} Fetched */

export class Encoders {
  #engine;
  #store;
  #kept;
  /** @type {Promise<Source>|null} */
  #table = null;
  /** Where the model came from; null until it is loaded. @type {Source|null} */
  source = null;
  /** Kept when the model is loaded. @type {Promise<Source>} */
  model;

  /**
   * @param {Engine} engine
   * @param {Store} store
   * @param {Promise<Fetched>} first The model's bytes.
   * @param {Promise<unknown>} kept Something where these are in storage, and so nearly here.
   */
  constructor(engine, store, first, kept) {
    this.#engine = engine;
    this.#store = store;
    this.#kept = kept;
    this.model = first.then((fetched) => {
      this.#take(fetched);
      return (this.source = fetched.source);
    });
    this.model.catch(() => undefined);
  }

  /** Kept when the piece table is loaded; one that did not arrive is fetched again when it is wanted again. */
  table() {
    this.#table ??= this.#store.model(piecesAsset()).then(({ bytes, source }) => {
      this.#engine.load_pieces(bytes);
      return source;
    });
    this.#table.catch(() => {
      this.#table = null;
    });
    return this.#table;
  }

  /**
   * Kept when texts can be encoded in this way.
   * @param {string} name `model`, `static`, the piece table, or `auto`, whichever comes first; the table is fetched only then, and not where
   *   the model was kept.
   * @returns {Promise<Source>}
   * @throws {import("./protocol.js").FindlingError} network, wrong_digest or bad_format; where neither comes, the model's.
   */
  async ready(name) {
    if (name === "static") return this.table();
    if (name === "model" || this.source || (await this.#kept)) return this.model;
    return Promise.any([this.model, this.table()]).catch(() => this.model);
  }

  /**
   * The engine hashes a model only where the browser could not.
   * @param {Fetched} fetched
   */
  #take({ bytes, verified }) {
    if (verified) this.#engine.adopt_model(bytes);
    else this.#engine.load_model(bytes);
  }
}
