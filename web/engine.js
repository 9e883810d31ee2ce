// @ts-check
// Chooses and loads one tier of the engine.
// Owns the probe for what the host can run, the order of the tiers, the fall from one to the next, and the watch for traps.
// It must not know where the files lie (addresses come in as an argument), what the engine computes, or which host it runs in.
// Invariant: it either returns a working engine together with every tier that was passed over and why, or throws an
// error with a code; a tier that was asked for by name is never replaced by another.

/**
 * @typedef {{code: string, message: string, detail: Record<string, unknown>}} Failure
 * @typedef {{backend: string, error: Failure}} Tried one tier that was passed over
 *
 * @typedef {object} Files where one tier lies
 * @property {string | URL | (() => Promise<any>)} js the glue module, or a function that imports it
 * @property {string | URL} [wasm] the compiled module; tier `js` has none
 *
 * @typedef {object} Engine the class of the same name in rust/wasm; requests and replies are UTF-8 JSON unless noted
 * @property {() => string} backend
 * @property {(bytes: Uint8Array) => Uint8Array} load_model
 * @property {(bytes: Uint8Array) => Uint8Array} adopt_model `load_model` of bytes whose SHA-256 the caller has compared
 * @property {(bytes: Uint8Array) => Uint8Array} load_pieces
 * @property {(request: Uint8Array) => Uint8Array} tokenize
 * @property {(request: Uint8Array) => Uint8Array} embed replies with little-endian f32, texts x dim
 * @property {(request: Uint8Array) => Uint8Array} open
 * @property {(file: string, offset: number, bytes: Uint8Array) => void} provide
 * @property {(request: Uint8Array) => Uint8Array} add
 * @property {(request: Uint8Array, vectors: Uint8Array) => Uint8Array} add_vectors as `add`, with little-endian f32, a row a passage
 * @property {(request: Uint8Array) => Uint8Array} remove
 * @property {(request: Uint8Array) => Uint8Array} search
 * @property {(request: Uint8Array) => Uint8Array} snippets
 * @property {(request: Uint8Array) => Uint8Array} records
 * @property {(request: Uint8Array) => Uint8Array} dump replies with the index file
 * @property {(request: Uint8Array) => Uint8Array} publish replies with the files of a published collection
 * @property {() => Uint8Array} status
 * @property {(request: Uint8Array) => Uint8Array} close
 * @property {() => void} free gives the engine's memory back; it cannot be used afterwards
 *
 * @typedef {object} VectorIndex the class of the same name in rust/wasm: made of a request, or by `VectorIndex.load` of a
 *   file's bytes; ids are little-endian u32, vectors little-endian f32
 * @property {(ids: Uint8Array, vectors: Uint8Array) => Uint8Array} add
 * @property {(ids: Uint8Array) => Uint8Array} remove
 * @property {(ids: Uint8Array) => Uint8Array} get replies with vectors
 * @property {(rounds: number) => Uint8Array} link
 * @property {(request: Uint8Array, vector: Uint8Array, filter: Uint8Array) => Uint8Array} search
 * @property {() => Uint8Array} dump replies with the file
 * @property {() => Uint8Array} status
 * @property {() => void} free gives the index's memory back; it cannot be used afterwards
 *
 * @typedef {object} Loaded
 * @property {Engine} engine
 * @property {string} backend the tier that runs
 * @property {Tried[]} tried the tiers before it, in order, and why each was not used
 * @property {(new (request: Uint8Array) => VectorIndex) & {load(bytes: Uint8Array): VectorIndex}} VectorIndex
 * @property {(request: Uint8Array, payload: Uint8Array) => Uint8Array} pack
 * @property {(bytes: Uint8Array) => Uint8Array} inspect
 * @property {(request: Uint8Array, payload: Uint8Array) => Uint8Array} compute takes rows of little-endian f32
 * @property {(request: Uint8Array) => Uint8Array} analyse
 */

/** The tiers, fastest first. */
export const BACKENDS = Object.freeze(['wasm-relaxed', 'wasm-simd', 'wasm-scalar', 'js']);

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
// One function of no arguments and no results whose body follows.
const FUNCTION = [...HEADER, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00];
// i32.const 0; i8x16.splat; drop
const SIMD = [...FUNCTION, 0x0a, 0x09, 0x01, 0x07, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x1a, 0x0b];
// A function "a" of one i32: lane 0 of i32x4.relaxed_dot_i8x16_i7x16_add_s over sixteen -128, sixteen 127 and zeros.
const RELAXED_DOT = [
  ...HEADER, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 0x61, 0x00, 0x00,
  0x0a, 0x32, 0x01, 0x30, 0x00, 0xfd, 0x0c, ...Array(16).fill(0x80), 0xfd, 0x0c, ...Array(16).fill(0x7f),
  0x41, 0x00, 0xfd, 0x11, 0xfd, 0x93, 0x02, 0xfd, 0x1b, 0x00, 0x0b,
]; // prettier-ignore
const RELAXED_DOT_RESULT = 4 * -128 * 127;

/**
 * What this host can run. `compile` is false where WebAssembly exists but a content security policy forbids it.
 *
 * @returns {{wasm: boolean, compile: boolean, simd: boolean, relaxed: boolean}}
 */
export function probe() {
  const found = { wasm: false, compile: false, simd: false, relaxed: false };
  if (typeof WebAssembly !== 'object' || typeof WebAssembly.validate !== 'function') return found;
  found.wasm = true;
  try {
    // Validation is allowed under any policy, compilation is not: only the attempt tells.
    new WebAssembly.Module(new Uint8Array(HEADER));
    found.compile = true;
  } catch {
    return found;
  }
  found.simd = WebAssembly.validate(new Uint8Array(SIMD));
  found.relaxed = found.simd && dotsAreRight();
  return found;
}

/**
 * Whether relaxed SIMD is there and its dot product right. The first engines that had it, V8 11.3 among them, exchange
 * the operands in code that has not been optimised yet, so a call's vectors would depend on how often it was made.
 */
function dotsAreRight() {
  const bytes = new Uint8Array(RELAXED_DOT);
  if (!WebAssembly.validate(bytes)) return false;
  const { a: dot } = /** @type {{a: () => number}} */ (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports);
  return dot() === RELAXED_DOT_RESULT;
}

/**
 * Loads the fastest tier that works here, or exactly the one asked for.
 *
 * @param {object} options
 * @param {Record<string, Files>} options.files one entry a tier; a tier without an entry is passed over
 * @param {string | URL} [options.base] what relative addresses in `files` are relative to; default: this module
 * @param {string | null} [options.backend] a tier by name; null or absent: probe
 * @param {(url: URL) => Promise<Response | Uint8Array | ArrayBuffer>} [options.read] fetches a .wasm file; default: fetch
 * @returns {Promise<Loaded>}
 * @throws an Error with `code`: `unsupported` (this host cannot run the tier asked for, or there is no such tier),
 *   `no_wasm` (the tier asked for needs WebAssembly, which is absent or forbidden), `network` (a file did not arrive)
 */
export async function loadEngine({ files, base = import.meta.url, backend = null, read = (url) => fetch(url) }) {
  if (backend !== null && !BACKENDS.includes(backend)) {
    throw coded('unsupported', `There is no backend "${backend}". Choose one of ${BACKENDS.join(', ')}.`, { backend });
  }
  const host = probe();
  /** @type {Tried[]} */
  const tried = [];
  for (const name of backend === null ? BACKENDS : [backend]) {
    try {
      requireHost(name, host);
      return { ...(await start(name, files[name], base, read)), backend: name, tried };
    } catch (error) {
      const failure = asFailure(error);
      if (backend !== null) throw coded(failure.code, failure.message, failure.detail);
      tried.push({ backend: name, error: failure });
    }
  }
  const last = tried[tried.length - 1].error;
  const reasons = tried.map((each) => `${each.backend}: ${each.error.message}`).join(' · ');
  throw coded(last.code, `No engine could be started. ${reasons}`, { tried });
}

/**
 * Tells of a trap: after one the engine's memory may be half changed, so nothing it says later can be believed. The
 * engine's own errors all carry a code; whatever is thrown without one is a trap, in the tier `js` too.
 *
 * @param {Engine} engine
 * @param {(cause: unknown) => void} onTrap called before the cause is thrown on
 * @returns {Engine} the same object
 */
export function guarded(engine, onTrap) {
  const methods = /** @type {Record<string, any>} */ (/** @type {unknown} */ (engine));
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(engine))) {
    const method = methods[name];
    if (typeof method !== 'function' || name === 'constructor' || name === 'free') continue;
    methods[name] = (/** @type {unknown[]} */ ...args) => {
      try {
        return method.apply(engine, args);
      } catch (cause) {
        if (typeof (/** @type {any} */ (cause)?.code) !== 'string') onTrap(cause);
        throw cause;
      }
    };
  }
  return engine;
}

/**
 * @param {string} name
 * @param {ReturnType<typeof probe>} host
 */
function requireHost(name, host) {
  if (name === 'js') return;
  const detail = { backend: name, host };
  if (!host.wasm) {
    throw coded('no_wasm', `${name} needs WebAssembly, which this host does not have. Use the backend js.`, detail);
  }
  if (!host.compile) {
    throw coded(
      'no_wasm',
      `${name} needs WebAssembly, which this host forbids. Add 'wasm-unsafe-eval' to script-src in the content security policy, or use the backend js.`,
      detail,
    );
  }
  if ((name === 'wasm-simd' && !host.simd) || (name === 'wasm-relaxed' && !host.relaxed)) {
    const what = name === 'wasm-simd' ? 'SIMD' : 'relaxed SIMD';
    throw coded('unsupported', `${name} needs WebAssembly with ${what}, which this host does not have.`, detail);
  }
}

/**
 * @param {string} name
 * @param {Files | undefined} files
 * @param {string | URL} base
 * @param {(url: URL) => Promise<Response | Uint8Array | ArrayBuffer>} read
 * @returns {Promise<Pick<Loaded, 'engine' | 'VectorIndex' | 'pack' | 'inspect' | 'compute' | 'analyse'>>}
 */
async function start(name, files, base, read) {
  if (!files) throw coded('unsupported', `${name} is not part of this build.`, { backend: name });
  const [glue, compiled] = await Promise.all([
    importGlue(files.js, base),
    files.wasm === undefined ? undefined : compile(new URL(files.wasm, base), read),
  ]);
  // Without a module to wait for, nothing asynchronous is needed; Node's Response, which the other way asks for, would start
  // a WebAssembly of its own and fail where there is none.
  await (compiled === undefined ? glue.initSync() : glue.default({ module_or_path: compiled }));
  const engine = new glue.Engine();
  if (engine.backend() !== name) {
    throw coded('bug', `The files of ${name} hold the engine ${engine.backend()}: the build mixed them up.`, { backend: name });
  }
  const { VectorIndex, pack, inspect, compute, analyse } = glue;
  return { engine, VectorIndex, pack, inspect, compute, analyse };
}

/**
 * @param {Files['js']} js
 * @param {string | URL} base
 */
async function importGlue(js, base) {
  if (typeof js === 'function') return js();
  const url = new URL(js, base);
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ url.href);
  } catch (error) {
    throw coded('network', `${url.href} could not be loaded: ${messageOf(error)}`, { url: url.href });
  }
}

/**
 * @param {URL} url
 * @param {(url: URL) => Promise<Response | Uint8Array | ArrayBuffer>} read
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(url, read) {
  let source;
  try {
    source = await read(url);
  } catch (error) {
    throw coded('network', `${url.href} could not be loaded: ${messageOf(error)}`, { url: url.href });
  }
  if (typeof Response !== 'function' || !(source instanceof Response)) {
    return WebAssembly.compile(/** @type {BufferSource} */ (source));
  }
  if (!source.ok) {
    throw coded('network', `${url.href} could not be loaded: status ${source.status}`, { url: url.href, status: source.status });
  }
  // Streaming refuses any other type, and says so on the console of some hosts.
  const type = source.headers.get('content-type')?.split(';', 1)[0].trim().toLowerCase();
  if (type === 'application/wasm' && typeof WebAssembly.compileStreaming === 'function') {
    return WebAssembly.compileStreaming(source);
  }
  return WebAssembly.compile(await source.arrayBuffer());
}

/**
 * @param {string} code
 * @param {string} message
 * @param {Record<string, unknown>} detail
 */
function coded(code, message, detail) {
  return Object.assign(new Error(message), { code, detail });
}

/**
 * @param {unknown} error
 * @returns {Failure}
 */
function asFailure(error) {
  const { code = 'unsupported', detail = {} } = /** @type {Partial<Failure>} */ (error ?? {});
  return { code, message: messageOf(error), detail };
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
