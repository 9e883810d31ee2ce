// A browser's storage in memory, which fails when it is told to. Owns what the browser promises: a file's bytes stay as far as they
// were written when a worker ends, a transaction is kept whole or not at all. Must not know what is stored.
// Invariant: every call that a browser could refuse, or at which a worker could end, is counted once in `calls`.

/** What a browser throws. @param {string} name @param {string} [message] */
export const refusal = (name, message = name) => Object.assign(new Error(message), { name });

export class Origin {
  /** @type {Map<string, Uint8Array>} */
  files = new Map();
  /** Files that are open for writing somewhere. @type {Set<string>} */
  open = new Set();
  /** @type {Map<string, Map<string, any>>} */
  stores = new Map();
  /** @type {Map<string, boolean>} */
  locks = new Map();
  calls = 0;
  room = Infinity;
  folder = false;
  /** @type {{at: number, how: "refuse"|"end"|null, cause: Error}} */
  fault = { at: 0, how: null, cause: refusal("UnknownError") };
  #ended = false;

  /** From now on the n-th call is refused, or the worker ends at it. @param {number} n @param {"refuse"|"end"} how @param {Error} [cause] */
  fail(n, how, cause = refusal("UnknownError")) {
    this.calls = 0;
    this.fault = { at: n, how, cause };
  }

  /** Another worker takes over: what the last one held is free, what it wrote is there. */
  again() {
    this.#ended = false;
    this.fault.how = null;
    this.open.clear();
    this.locks.clear();
    return this;
  }

  /** @param {(share: number) => void} [partly] What has been done of it when the worker ends in the middle. */
  step(partly = () => undefined) {
    if (this.#ended) throw refusal("Ended");
    this.calls++;
    if (this.calls !== this.fault.at || !this.fault.how) return;
    partly(0.5);
    if (this.fault.how === "end") this.#ended = true;
    throw this.fault.how === "end" ? refusal("Ended") : this.fault.cause;
  }

  get used() {
    return [...this.files.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** What a worker sees. @param {{files?: boolean, database?: boolean, locks?: boolean}} [allowed] */
  host({ files = true, database = true, locks = true } = {}) {
    const origin = this;
    return {
      navigator: {
        locks: locks ? { request: (/** @type {string} */ name, /** @type {any} */ _, /** @type {() => Promise<any>} */ hold) => origin.#lock(name, hold) } : undefined,
        storage: {
          async getDirectory() {
            if (!files) throw refusal("SecurityError", "storage is denied");
            origin.step();
            return origin.#root();
          },
        },
      },
      FileSystemFileHandle: class {
        createSyncAccessHandle() {}
      },
      indexedDB: database ? { open: () => origin.#database() } : undefined,
      IDBKeyRange: { bound: (/** @type {any} */ low, /** @type {any} */ high) => ({ low, high }) },
      pause: async () => origin.open.clear(),
    };
  }

  /** @param {string} name @param {() => Promise<any>} hold */
  async #lock(name, hold) {
    if (this.locks.get(name)) throw refusal("TimeoutError");
    this.locks.set(name, true);
    await hold();
    this.locks.delete(name);
  }

  #root() {
    const origin = this;
    const folder = {
      async getFileHandle(/** @type {string} */ name, /** @type {{create: boolean}} */ { create }) {
        origin.step();
        if (!origin.files.has(name)) {
          if (!create) throw refusal("NotFoundError");
          origin.files.set(name, new Uint8Array());
        }
        return { createSyncAccessHandle: async () => origin.#handle(name) };
      },
      async removeEntry(/** @type {string} */ name) {
        origin.step();
        if (!origin.files.delete(name)) throw refusal("NotFoundError");
      },
      async *keys() {
        origin.step();
        yield* [...origin.files.keys()];
      },
    };
    return {
      async getDirectoryHandle(/** @type {string} */ _, /** @type {{create: boolean}} */ { create }) {
        origin.step();
        if (!origin.folder && !create) throw refusal("NotFoundError");
        origin.folder = true;
        return folder;
      },
    };
  }

  /** @param {string} name */
  #handle(name) {
    const origin = this;
    origin.step();
    if (origin.open.has(name)) throw refusal("NoModificationAllowedError");
    origin.open.add(name);
    const bytes = () => origin.files.get(name) ?? new Uint8Array();
    const put = (/** @type {Uint8Array} */ data, /** @type {number} */ at) => {
      const made = new Uint8Array(Math.max(bytes().length, at + data.length));
      made.set(bytes());
      made.set(data, at);
      origin.files.set(name, made);
    };
    return {
      getSize: () => bytes().length,
      truncate(/** @type {number} */ size) {
        origin.step();
        origin.files.set(name, bytes().slice(0, size));
      },
      read(/** @type {Uint8Array} */ into, /** @type {{at: number}} */ { at }) {
        origin.step();
        const part = bytes().subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write(/** @type {Uint8Array} */ data, /** @type {{at: number}} */ { at }) {
        origin.step((share) => put(data.subarray(0, Math.floor(data.length * share)), at));
        if (origin.used + data.length > origin.room) throw refusal("QuotaExceededError");
        put(data, at);
        return data.length;
      },
      flush: () => origin.step(),
      close: () => origin.open.delete(name),
    };
  }

  #database() {
    const origin = this;
    /** @type {any} */
    const request = {};
    const database = {
      createObjectStore: (/** @type {string} */ name) => origin.stores.set(name, new Map()),
      transaction: (/** @type {any} */ _, /** @type {string} */ mode) => origin.#transaction(mode),
      close: () => undefined,
    };
    queueMicrotask(() => {
      try {
        origin.step();
        request.result = database;
        if (!origin.stores.size) request.onupgradeneeded();
        request.onsuccess();
      } catch (cause) {
        request.error = cause;
        request.onerror();
      }
    });
    return request;
  }

  /** @param {string} mode */
  #transaction(mode) {
    const origin = this;
    const stores = new Map([...origin.stores].map(([name, kept]) => [name, new Map(kept)]));
    /** @type {any} */
    const transaction = { objectStore: (/** @type {string} */ name) => requests(stores.get(name)) };
    // Every request succeeds; whether the transaction does is known at its end.
    queueMicrotask(() => {
      try {
        origin.step();
        const used = [...(stores.get("parts")?.values() ?? [])].reduce((sum, { length }) => sum + length, 0);
        if (mode === "readwrite" && used > origin.room) throw refusal("QuotaExceededError");
        origin.stores = stores;
        transaction.oncomplete();
      } catch (cause) {
        transaction.error = cause;
        transaction.onabort();
      }
    });
    return transaction;
  }
}

/** @param {Map<string, any>} kept By keys as JSON. */
function requests(kept) {
  const within = (/** @type {string} */ key, /** @type {any} */ range) => {
    const [file, part] = JSON.parse(key);
    return file === range.low[0] && part >= range.low[1] && part <= range.high[1];
  };
  const chosen = (/** @type {any} */ query) => (query?.low ? [...kept.keys()].filter((key) => within(key, query)) : [JSON.stringify(query)]);
  return {
    get: (/** @type {any} */ key) => ({ result: kept.get(JSON.stringify(key)) }),
    getAll: (/** @type {any} */ range) => ({ result: chosen(range).map((key) => kept.get(key)) }),
    getAllKeys: () => ({ result: [...kept.keys()].map((key) => JSON.parse(key)) }),
    put(/** @type {any} */ value, /** @type {any} */ key) {
      kept.set(JSON.stringify(key), structuredClone(value));
      return {};
    },
    delete(/** @type {any} */ query) {
      for (const key of chosen(query)) kept.delete(key);
      return {};
    },
  };
}
