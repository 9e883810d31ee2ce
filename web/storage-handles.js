// @ts-check
// Owns the handles by which files that were chosen can be reached at another visit, in a database of their own. Must not know why
// they are kept. Invariant: where the browser keeps none, nothing fails; no database is left when none are kept.

import { HANDLES, eraseDatabase } from "./storage-room.js";

/** @typedef {import("./folders.js").Handle} Handle */

/** The only key of the only store. */
const STORE = "chosen";

/**
 * Keeps handles in the place of any that were kept before; resolves when that is done.
 * @param {Handle[]|null} handles null for none.
 */
export async function keepHandles(handles) {
  if (!globalThis.indexedDB) return;
  // An import fails neither for want of them, nor because another tab holds those there were.
  await (handles ? run("readwrite", (store) => store.put(handles, STORE)) : eraseDatabase(HANDLES)).catch(() => undefined);
}

/** @returns {Promise<Handle[]|null>} null where none are kept. */
export async function keptHandles() {
  if (!(await isThere())) return null;
  return run("readonly", (store) => store.get(STORE)).then((handles) => handles ?? null, () => null);
}

/** Whether there is a database of handles; to open one would make it. */
async function isThere() {
  const known = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? [];
  return known.some(({ name }) => name === HANDLES);
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
function run(mode, ask) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(HANDLES, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const asked = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
      database.close();
    };
  });
}
