// @ts-check
// Owns the line that says how far the page is, the bar of its start, and the panel of what went wrong. Must not know what is
// searched or shown. Invariant: the line says "ready" only when the worker did, and where nothing can be answered any more it says that.

import { megabytes } from "./dom.js";
import { STAGES } from "./protocol.js";

/** @typedef {import("./client.js").Client} Client */
/** @typedef {import("./collections.js").Collections} Collections */
/** @typedef {import("./protocol.js").FindlingError} FindlingError */
/** @typedef {import("./protocol.js").Stage} Stage */
/** @typedef {import("./protocol.js").StageName} StageName */
/** @typedef {import("./protocol.js").StatusResult} StatusResult */

/** @type {Record<StageName, string>} */
const STAGE_TEXT = { engine: "engine", python: "Python", model: "language model", index: "index", ready: "ready" };

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class StateLine {
  #client;
  #collections;
  #isAsked;
  /** @type {Map<StageName, Stage>} */
  #stages = new Map();
  /** Why there will be no language model. @type {FindlingError|null} */
  #fault = null;
  /** The tier of the engine, once it is known. */
  backend = "";
  /** When the worker became ready, by performance.now(): what is typed before is answered as if it were typed then. */
  readyAt = 0;

  /**
   * @param {Client} client
   * @param {Collections} collections
   * @param {() => boolean} isAsked Whether the line belongs to an answer.
   */
  constructor(client, collections, isAsked) {
    this.#client = client;
    this.#collections = collections;
    this.#isAsked = isAsked;
    client.addEventListener("stage", (event) => this.#take(/** @type {CustomEvent<Stage>} */ (event).detail));
    client.addEventListener("fatal", (event) => this.problem(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("fault", (event) => this.problem((this.#fault = /** @type {CustomEvent} */ (event).detail)));
  }

  get isReady() {
    return this.#stages.has("ready");
  }

  /** @param {Stage} stage */
  #take(stage) {
    this.#stages.set(stage.stage, stage);
    const boot = byId("boot");
    if (this.isReady && stage.stage === "model") {
      this.#modelCame(stage);
      return;
    }
    if (this.isReady) {
      this.readyAt = performance.now();
      boot.classList.add("done");
      boot.setAttribute("aria-hidden", "true");
      this.#setBoot(1);
      this.idle();
      const { ready, model } = document.documentElement.dataset;
      // The model came between the answer to `start` and this.
      if (ready !== undefined && !model) this.#ask();
      return;
    }
    const known = [...this.#stages.values()].filter(({ total }) => total > 0);
    const [done, total] = known.reduce(([d, t], each) => [d + each.done, t + each.total], [0, 0]);
    if (total) this.#setBoot(done / total);
    const loading = STAGES.map((name) => this.#stages.get(name)).filter((each) => each && (each.done < each.total || each.total === 0));
    const text = loading.map((each) => (each && each.done > 0 ? `${STAGE_TEXT[each.stage]} ${megabytes(each.done)} of ${megabytes(each.total)} MB` : STAGE_TEXT[each?.stage ?? "engine"]));
    this.show("starting", text.length ? `Starting: ${text.join(", ")}` : "Starting: putting it together");
  }

  /** What arrives of the model behind a page that works already. @param {Stage} stage */
  #modelCame({ done, total }) {
    if (!this.#isAsked()) this.idle();
    if (done === total) this.#ask();
  }

  #ask() {
    this.#client.call("status", {}).then((status) => this.told(status), () => undefined);
  }

  /** Takes what the worker says of itself. @param {StatusResult} status */
  told(status) {
    if (status.model) byId("model-name").textContent = status.model.name;
    this.backend = status.backend;
    const { dataset } = document.documentElement;
    dataset.backend = status.backend;
    dataset.model = status.model?.source ?? "";
    dataset.pool = String(status.pool?.size ?? 1);
    dataset.ready = "";
    byId("storage").hidden = status.model?.source !== "memory";
    if (!this.#isAsked()) this.idle();
  }

  /** How far the model is that will make the next searches better; nothing when it is there, or will not come. */
  get coming() {
    const model = this.#stages.get("model");
    if (this.#fault || !model || document.documentElement.dataset.model) return "";
    return model.total ? `language model ${megabytes(model.done)} of ${megabytes(model.total)} MB` : "";
  }

  /** Says what can be searched. */
  idle() {
    const { name, remote } = this.#collections.chosen;
    const documents = this.#collections.count(name);
    const where = documents ? `${documents.toLocaleString()} ${name === "emoji" ? "emoji" : "documents"}` : "";
    this.show("ready", ["Ready", where, this.backend, this.coming, remote ? "computed on this device" : "nothing leaves this device"].filter(Boolean).join(" · "));
  }

  /**
   * @param {"starting"|"ready"|"failed"} state
   * @param {string} text
   */
  show(state, text) {
    byId("state").dataset.state = state;
    byId("state-text").textContent = text;
  }

  /** @param {FindlingError} error */
  problem(error) {
    byId("problem").hidden = false;
    byId("problem-title").textContent = error === this.#fault ? "Searching without the language model" : this.isReady ? "Search stopped" : "Search could not start";
    byId("problem-text").textContent = error.message;
    byId("problem-code").textContent = error.code;
    byId("boot").classList.add("done");
    if (this.#client.failure) this.show("failed", this.isReady ? "Stopped" : "Not started");
  }

  /** Begins anew, for a worker that is started again. */
  reset() {
    byId("problem").hidden = true;
    byId("boot").classList.remove("done");
    this.#stages.clear();
    this.#fault = null;
    document.documentElement.dataset.model = "";
    this.show("starting", "Starting");
  }

  /** @param {number} share */
  #setBoot(share) {
    const boot = byId("boot");
    boot.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    /** @type {HTMLElement} */ (boot.firstElementChild).style.setProperty("--done", String(share));
  }
}
