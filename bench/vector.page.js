// The measurements of bench/vector.py inside a page: this project's vector index and its peers over the same vectors.
//
// Owns the loops and their clocks. Must not know which figures are wanted of it. Invariant: both sides get the same
// vectors and queries, and hits are compared with the exact ones by id.

import { load } from "./vector.peers.js";
import { loadEngine } from "./web/engine.js";

const TOP = 10;
const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const value = (reply) => JSON.parse(new TextDecoder().decode(reply));
const raw = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const NOTHING = new Uint8Array();

const floats = async (url) => new Float32Array(await (await fetch(url)).arrayBuffer());

/** @type {{dim: number, base: Float32Array, queries: Float32Array, exact: Int32Array, VectorIndex: any}} */
let data;

export async function setUp(dim, backend) {
  const [base, queries] = await Promise.all([floats("base.f32"), floats("queries.f32")]);
  const js = `engine/findling-${backend}.js`;
  const files = { [backend]: backend === "js" ? { js } : { js, wasm: `engine/findling-${backend}.wasm` } };
  const { VectorIndex } = await loadEngine({ files, base: location.href, backend });
  data = { dim, base, queries, exact: new Int32Array(), VectorIndex };
}

/**
 * More vectors than there are: to each, again and again, noise of its own is added, so that its cosine to its source is
 * about `cosine`.
 */
export function extend(count, cosine) {
  const { dim, base } = data;
  const known = base.length / dim;
  const more = new Float32Array(count * dim);
  more.set(base.subarray(0, more.length));
  const size = Math.sqrt((3 * (1 / cosine ** 2 - 1)) / dim);
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * size;
  };
  for (let row = known; row < count; row++) {
    const [from, to] = [(row % known) * dim, row * dim];
    let squares = 0;
    for (let i = 0; i < dim; i++) {
      more[to + i] = base[from + i] + noise();
      squares += more[to + i] ** 2;
    }
    const length = Math.sqrt(squares);
    for (let i = 0; i < dim; i++) more[to + i] /= length;
  }
  data.base = more;
}

const rows = (count) => data.base.subarray(0, count * data.dim);
const query = (at) => data.queries.subarray(at * data.dim, (at + 1) * data.dim);

/**
 * Calls `search` once for every query, for the recall and to warm up, then in `repeats` rounds over all queries, where there
 * are any; ms of a call in the best and in the median round. A round is timed as a whole, because the clock is coarser than a search.
 */
async function timed(count, queries, repeats, search) {
  let found = 0;
  for (let at = 0; at < queries; at++) {
    const exact = exactHits(count, at);
    found += (await search(query(at))).filter((id) => exact.has(id)).length;
  }
  const rounds = [];
  for (let turn = 0; turn < repeats; turn++) {
    const start = performance.now();
    for (let at = 0; at < queries; at++) {
      const reply = search(query(at));
      if (reply instanceof Promise) await reply;
    }
    rounds.push((performance.now() - start) / queries);
  }
  rounds.sort((a, b) => a - b);
  return { least: rounds[0], median: rounds[repeats >> 1], recall: found / queries / TOP };
}

const exactCache = new Map();
function exactHits(count, at) {
  const key = `${count} ${at}`;
  if (!exactCache.has(key)) exactCache.set(key, new Set(plainScan(count, query(at), 4)));
  return exactCache.get(key);
}

/** What a page would write by hand: dot products over one Float32Array with 1 or 4 sums, the best ten kept in order. */
function plainScan(count, wanted, sums) {
  const { dim, base } = data;
  const ids = new Int32Array(TOP);
  const scores = new Float64Array(TOP).fill(-Infinity);
  for (let row = 0, at = 0; row < count; row++, at += dim) {
    let a = 0;
    if (sums === 4) {
      let b = 0;
      let c = 0;
      let d = 0;
      for (let i = 0; i < dim; i += 4) {
        a += base[at + i] * wanted[i];
        b += base[at + i + 1] * wanted[i + 1];
        c += base[at + i + 2] * wanted[i + 2];
        d += base[at + i + 3] * wanted[i + 3];
      }
      a += b + c + d;
    } else {
      for (let i = 0; i < dim; i++) a += base[at + i] * wanted[i];
    }
    if (a > scores[TOP - 1]) {
      let place = TOP - 1;
      for (; place > 0 && scores[place - 1] < a; place--) {
        scores[place] = scores[place - 1];
        ids[place] = ids[place - 1];
      }
      scores[place] = a;
      ids[place] = row;
    }
  }
  return [...ids];
}

export const plain = (count, queries, repeats, sums) => timed(count, queries, repeats, (wanted) => plainScan(count, wanted, sums));

const indexes = new Map();

/** Makes an index of the first `count` vectors under a name; ms of adding and linking, and bytes of the file. */
export function build(name, spec, count) {
  indexes.get(name)?.free();
  const index = new data.VectorIndex(bytes({ dim: data.dim, ...spec }));
  indexes.set(name, index);
  const ids = Uint32Array.from({ length: count }, (_, id) => id);
  const start = performance.now();
  index.add(raw(ids), raw(rows(count)));
  while (!value(index.link(64)).done);
  const built = performance.now() - start;
  return { build: built, file_bytes: index.dump().length };
}

export function search(name, count, queries, repeats, options) {
  const index = indexes.get(name);
  const request = bytes({ limit: TOP, ...options });
  return timed(count, queries, repeats, (wanted) => value(index.search(request, raw(wanted), NOTHING)).hits.map((hit) => hit.id));
}

export function free(name) {
  indexes.get(name).free();
  indexes.delete(name);
}

let peer;

/** Makes a peer's index of the first `count` vectors; ms. */
export async function buildPeer(name, count, m, efConstruction) {
  peer = await load(name);
  const { dim, base } = data;
  const rows = Array.from({ length: count }, (_, row) => base.subarray(row * dim, (row + 1) * dim));
  const start = performance.now();
  await peer.build(rows, m, efConstruction);
  return { build: performance.now() - start };
}

export const searchPeer = (count, queries, repeats, ef) => timed(count, queries, repeats, (wanted) => peer.search(wanted, TOP, ef));
