// @ts-check
// Owns the start of the worker: engine, Python, model and index brought up side by side, each stage reported, each failure
// coded. The only file that names loadPyodide. Must not know what a verb does or what a message says beyond its shape.
// Invariant: after start-up every message goes to one Python function, once; whatever prevents that ends in one `fatal`
// event, never in silence.

import { build } from "./build.js";
import { Ahead, compilePython, modelAsset, newStore } from "./web/ahead.js";
import { Encoders } from "./web/encoders.js";
import { guarded, loadEngine } from "./web/engine.js";
import { fetchFile } from "./web/http.js";
import { holdLock } from "./web/lock.js";
import { pause } from "./web/pause.js";
import { FindlingError, HELP, fatalEvent, faultEvent, readRequest, stageEvent, toError, transferables } from "./web/protocol.js";
import { Remote } from "./web/remote.js";

/** @typedef {import("./web/protocol.js").StageName} StageName */
/** @typedef {import("./web/engine.js").Engine} Engine */
/** @typedef {(message: unknown) => void} Handle the Python function; it answers through `post` */
/** @typedef {{postMessage(message: unknown, transfer?: Transferable[]): void, addEventListener(type: string, listener: (event: any) => void): void, name: string}} Scope */

const scope = /** @type {Scope} */ (/** @type {unknown} */ (globalThis));
/** The application reads no packages at start, so the lock names none; `loadPackages` gives it the wheels of this build. */
const LOCK_INFO = { abi_version: "2026_0", arch: "wasm32", platform: "emscripten_5_0_3", python: "3.14.0" };
/** What a reader asks for that needs no package, but more than a start does. */
const STANDARD_LIBRARY = "stdlib";
const REST_ZIP = "/lib/findling-rest.zip";
/** A module with nothing in it: what the shortest test of WebAssembly compiles. */
const EMPTY_MODULE = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
/** Progress is reported when at least this much more has arrived. */
const REPORT_BYTES = 256 << 10;
/** What Python may ask of the storage of collections. */
const KEEPING = /** @type {const} */ (["readRanges", "size", "write", "remove", "names", "claim", "release"]);

/** @param {string} url Relative to build.js. */
const at = (url) => new URL(url, new URL("./build.js", import.meta.url)).href;

const options = new URL(import.meta.url).searchParams;
const store = newStore();
const files = new Remote();
const ahead = new Ahead(options.has(HELP));
/** Messages that came before the application was ready. @type {unknown[]} */
const early = [];
/** Index files asked for by early messages: fetched while Python starts. @type {Promise<unknown>[]} */
const indexes = [];
/** What is said before the lock is held. @type {{message: unknown, transfer: Transferable[]}[]|null} */
let unsaid = [];
/** @type {Handle|null} */
let handle = null;
/** What keeps collections of one's own, once somebody asks for them; nothing of it is loaded before. @type {import("./web/storage.js").Storage|null} */
let storage = null;
/** Makes a package of this build importable. @type {(name: string) => Promise<void>} */
let prepare = () => Promise.resolve();

scope.addEventListener("message", ({ data }) => receive(data));
holdLock(scope.name).then(() => {
  const queued = unsaid ?? [];
  unsaid = null;
  for (const { message, transfer } of queued) scope.postMessage(message, transfer);
});
start().catch(fail);

/** @param {unknown} message */
function receive(message) {
  if (ahead.take(message)) return;
  if (handle) {
    try {
      handle(message);
    } catch (cause) {
      fail(new FindlingError("worker_failed", `Python stopped: ${toError(cause).message}; start the worker again to go on`));
    }
    return;
  }
  early.push(message);
  const { verb, args } = readRequest(message) ?? {};
  if (verb === "open" && typeof args?.src === "string") {
    const report = reporter("index");
    // A file that cannot be fetched is told to whoever opens it, when it is opened.
    indexes.push(files.size(args.src, report).catch(() => undefined));
  }
}

async function start() {
  requireWebAssembly();
  const python = startPython();
  // Whoever fails first is reported; the others must not become unhandled rejections meanwhile.
  python.catch(() => undefined);
  const helpers = importFile(new URL("./web/pool.js", import.meta.url).href);
  helpers.catch(() => undefined);
  const report = reporter("model", build.model.size_bytes);
  const model = store.model(modelAsset(), report, ahead.model);
  model.catch(() => undefined);
  const { engine, inspect } = await startEngine(options.get("backend"));
  const encoders = new Encoders(engine, store, model, ahead.model);
  encoders.model.then(() => reportDone("model"), (cause) => goOnWithout(encoders, cause));
  const pyodide = await python;
  const app = pyodide.pyimport("findling.browser");
  // What came early goes first, in the same turn, so that nothing overtakes it; whoever needs an index waits for that alone.
  handle = app.start(engine, services(encoders, inspect, poolOf(engine, await helpers)), post);
  app.destroy();
  for (const message of early.splice(0)) receive(message);
  await Promise.all(indexes);
  reportDone("index");
  // A model that is still on its way has a stand-in, a tenth of its size.
  await encoders.ready("auto");
  post(stageEvent("ready", 1, 1));
}

/**
 * Without WebAssembly Python cannot start, and where a policy forbids it Pyodide would wait for ever.
 * @throws {FindlingError} no_wasm
 */
function requireWebAssembly() {
  if (typeof WebAssembly !== "object") {
    throw new FindlingError("no_wasm", "this browser has no WebAssembly, or it is switched off; Findling cannot run without it, so try another browser or allow it in the settings");
  }
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    const why = "the page's content security policy forbids WebAssembly; its owner must add 'wasm-unsafe-eval' to script-src";
    throw new FindlingError("no_wasm", why, { reason: toError(cause).message });
  }
}

/**
 * @param {string|null} backend
 * @returns {Promise<{engine: Engine, inspect: (bytes: Uint8Array) => Uint8Array}>}
 */
async function startEngine(backend) {
  post(stageEvent("engine", 0, 0));
  const loaded = await loadEngine({ files: build.engine, base: at("build.js"), backend });
  const bytes = build.engine[loaded.backend]?.bytes ?? 0;
  post(stageEvent("engine", bytes, bytes));
  const engine = guarded(loaded.engine, (cause) => {
    fail(new FindlingError("worker_failed", `the engine stopped: ${toError(cause).message}; start the worker again to go on`));
  });
  return { engine, inspect: loaded.inspect };
}

/**
 * Without its model a worker can do less, which is told; without the piece table as well it can do nothing.
 * @param {Encoders} encoders
 * @param {unknown} cause
 */
function goOnWithout(encoders, cause) {
  encoders.table().then(() => post(faultEvent(cause)), () => fail(cause));
}

/** Starts Pyodide from this build's own files, without packages. */
async function startPython() {
  const { python } = build;
  const total = python.bytes ?? 0;
  post(stageEvent("python", 0, total));
  const files = fetchPython();
  const [{ loadPyodide }, asm] = await Promise.all([importFile(at(python.mjs)), importFile(at(python.asm_mjs))]);
  const restore = handOver(files);
  try {
    const pyodide = await Promise.race([
      loadPyodide({
        indexURL: new URL(".", at(python.asm_wasm)).href,
        stdLibURL: at(python.boot),
        lockFileContents: { info: LOCK_INFO, packages: python.packages ?? {} },
        packageBaseUrl: new URL(".", at(python.rest)).href,
        createPyodideModule: asm.default,
        checkAPIVersion: false,
      }),
      files.failed,
    ]);
    mountRestBeforePackages(pyodide);
    post(stageEvent("python", total, total));
    return pyodide;
  } finally {
    restore();
  }
}

/** @typedef {{compiled: Promise<WebAssembly.Module>, boot: Promise<Response>, failed: Promise<never>, fail: (cause: unknown) => void}} PythonFiles */

/**
 * Fetches what Pyodide would ask for later, at once, so that compiling overlaps with everything before it. Pyodide never
 * settles when one of its files does not arrive or cannot be instantiated; here the first failure rejects `failed`.
 * @returns {PythonFiles}
 */
function fetchPython() {
  /** @type {(cause: unknown) => void} */
  let fail = () => undefined;
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const compiled = ahead.python.then((module) => module ?? compilePython());
  const boot = fetchFile(at(build.python.boot));
  compiled.catch(fail);
  boot.catch(fail);
  return { compiled, boot, failed, fail };
}

/**
 * While Pyodide starts, gives it the files that are on the way already.
 * @param {PythonFiles} files
 * @returns {() => void} Puts everything back.
 */
function handOver({ compiled, boot, fail }) {
  const { fetch } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  const wasm = at(build.python.asm_wasm);
  globalThis.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url === at(build.python.boot)) return boot;
    return url === wasm ? Promise.resolve(new Response()) : fetch(input, init);
  };
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const module = await compiled;
    try {
      return { module, instance: await WebAssembly.instantiate(module, imports) };
    } catch (cause) {
      const reason = toError(cause).message;
      fail(new FindlingError("unsupported", `this browser cannot run Python: ${reason}; a newer one can`, { reason }));
      throw cause;
    }
  };
  return () => {
    globalThis.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  };
}

/**
 * The boot archive holds only the modules a start needs; packages need more, so the rest is mounted before the first one.
 * @param {any} pyodide
 */
function mountRestBeforePackages(pyodide) {
  const { loadPackage } = pyodide;
  /** @type {Promise<void>|null} */
  let mounted = null;
  const mount = async () => {
    const rest = await fetchFile(at(build.python.rest));
    pyodide.FS.writeFile(REST_ZIP, new Uint8Array(await rest.arrayBuffer()));
    const library = pyodide.pyimport("findling.stdlib");
    library.mount(REST_ZIP);
    library.destroy();
  };
  const mountOnce = () => {
    mounted ??= mount().catch((cause) => {
      mounted = null;
      throw cause;
    });
    return mounted;
  };
  pyodide.loadPackage = async (/** @type {unknown[]} */ ...args) => {
    await mountOnce();
    return loadPackage.apply(pyodide, args);
  };
  prepare = async (name) => {
    if (name === STANDARD_LIBRARY) return mountOnce();
    await pyodide.loadPackage(name, { messageCallback: () => undefined });
    // Pyodide says what went wrong on the console only.
    if (!(name in pyodide.loadedPackages)) {
      throw new FindlingError("network", `the package ${name}, which reads this kind of file, could not be loaded; check the connection and add the file again`, { package: name });
    }
  };
}

/**
 * The workers that help to embed, not one of them started yet.
 * @param {Engine} engine
 * @param {typeof import("./web/pool.js")} helpers
 */
function poolOf(engine, { Pool, sizeHere }) {
  const { size, reason } = sizeHere(options.get("pool"));
  const url = new URL("./web/pool-worker.js", import.meta.url);
  url.searchParams.set("backend", engine.backend());
  return new Pool({ size, reason, url: url.href, engine, pause, model: modelAgain });
}

/** The model's bytes once more, from where they have been kept. */
async function modelAgain() {
  await store.kept;
  return (await store.model(modelAsset())).bytes;
}

/**
 * What Python may ask of this side, beside the engine.
 * @param {Encoders} encoders
 * @param {(bytes: Uint8Array) => Uint8Array} inspect
 * @param {import("./web/pool.js").Pool} pool
 */
function services(encoders, inspect, pool) {
  return {
    encoder: (/** @type {string} */ name) => encoders.ready(name),
    share: () => pool.begin(),
    read: (/** @type {string} */ file, /** @type {number} */ offset, /** @type {number} */ length) => files.read(file, offset, length),
    size: (/** @type {string} */ file) => files.size(file),
    keep: Object.fromEntries(KEEPING.map((method) => [method, (/** @type {any[]} */ ...args) => keeping(method, args)])),
    inspect,
    status: () => ({ source: encoders.source, storage: { ...store.storage, ...storage?.status }, pool: pool.status, received_bytes: files.received }),
    prepare: (/** @type {string} */ name) => prepare(name),
    pause,
  };
}

/**
 * @param {typeof KEEPING[number]} method
 * @param {any[]} args
 */
async function keeping(method, args) {
  const { Storage } = /** @type {typeof import("./web/storage.js")} */ (await importFile(new URL("./web/storage.js", import.meta.url).href));
  storage ??= new Storage();
  return /** @type {any} */ (storage)[method](...args);
}

/** @param {string} url */
async function importFile(url) {
  try {
    return await import(url);
  } catch (cause) {
    throw new FindlingError("network", `${url} could not be loaded: ${toError(cause).message}; check the connection and try again`, { url });
  }
}

/** @type {Map<StageName, {done: number, total: number}>} */
const reported = new Map();

/**
 * @param {StageName} stage
 * @param {number} [expected] Bytes, as far as known before the first arrive.
 */
function reporter(stage, expected = 0) {
  post(stageEvent(stage, 0, expected));
  let last = 0;
  return (/** @type {number} */ done, /** @type {number} */ total) => {
    reported.set(stage, { done, total });
    if (done - last < REPORT_BYTES && done < total && done >= last) return;
    last = done;
    post(stageEvent(stage, done, total));
  };
}

/** @param {StageName} stage */
function reportDone(stage) {
  const { total } = reported.get(stage) ?? { total: 0 };
  post(stageEvent(stage, total, total));
}

/** @param {any} message A plain object, to the page. */
function post(message) {
  const transfer = transferables(message);
  if (unsaid) unsaid.push({ message, transfer });
  else scope.postMessage(message, transfer);
}

/** @param {unknown} cause */
function fail(cause) {
  early.length = 0;
  handle = () => undefined;
  post(fatalEvent(toError(cause, "worker_failed")));
}
