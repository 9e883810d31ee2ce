// The peers of bench/vector.py from npm, each behind the same two calls.
//
// Owns how each peer is loaded, filled and asked. Must not know what is measured of it. Invariant: every peer gets the
// rows in order and answers with their numbers, nearest first; one that takes m and efConstruction gets the given ones.

/**
 * @typedef {object} Peer
 * @property {(rows: Float32Array[], m: number, efConstruction: number) => Promise<void>} build
 * @property {(query: Float32Array, limit: number, ef: number) => number[] | Promise<number[]>} search
 */

/** @type {Record<string, () => Promise<Peer>>} */
const peers = {
  async "hnswlib-wasm"() {
    const { loadHnswlib } = await import("./peers/hnswlib-wasm/dist/hnswlib.js");
    const library = await loadHnswlib();
    let index;
    let asked;
    return {
      async build(rows, m, efConstruction) {
        index = new library.HierarchicalNSW("ip", rows[0].length, "");
        index.initIndex(rows.length, m, efConstruction, 100);
        rows.forEach((row, number) => index.addPoint(row, number, false));
      },
      search(query, limit, ef) {
        if (ef !== asked) index.setEfSearch((asked = ef));
        return index.searchKnn(query, limit, undefined).neighbors;
      },
    };
  },

  async edgevec() {
    const library = await import("./peers/edgevec/edgevec.js");
    await library.default();
    let index;
    let numbers;
    return {
      // The width of its searches is fixed when the index is made.
      async build(rows, m, efConstruction) {
        const settings = new library.EdgeVecConfig(rows[0].length);
        // With its "cosine" and "dot" version 0.9.0 answers with the farthest; of unit vectors "l2" has the same order.
        settings.metric = "l2";
        settings.m = m;
        settings.m0 = 2 * m;
        settings.ef_construction = efConstruction;
        settings.ef_search = efConstruction;
        index = new library.EdgeVec(settings);
        numbers = new Map(rows.map((row, number) => [index.insert(row), number]));
      },
      search(query, limit) {
        return index.search(query, limit).map((hit) => numbers.get(hit.id));
      },
    };
  },

  async "voy-search"() {
    // It is made for bundlers: the module is put together by hand.
    const glue = await import("./peers/voy-search/voy_search_bg.js");
    const compiled = await WebAssembly.instantiateStreaming(fetch("peers/voy-search/voy_search_bg.wasm"), { "./voy_search_bg.js": glue });
    glue.__wbg_set_wasm(compiled.instance.exports);
    let index;
    return {
      async build(rows) {
        const embeddings = rows.map((row, number) => ({ id: String(number), title: "", url: "", embeddings: [...row] }));
        index = new glue.Voy({ embeddings });
      },
      search: (query, limit) => index.search(query, limit).neighbors.map((hit) => Number(hit.id)),
    };
  },

  async mememo() {
    const { HNSW } = await import("./peers/mememo/dist/index.es.js");
    let index;
    return {
      async build(rows, m, efConstruction) {
        index = new HNSW({ distanceFunction: "cosine-normalized", m, efConstruction, seed: 1, useIndexedDB: false });
        await index.bulkInsert(rows.map((_, number) => String(number)), rows.map((row) => [...row]));
      },
      async search(query, limit, ef) {
        return (await index.query([...query], limit, ef)).keys.map(Number);
      },
    };
  },
};

/** @param {string} name one of package.json's peers */
export const load = (name) => peers[name]();
