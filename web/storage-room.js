// @ts-check
// Owns what the places for collections have in common: what they are, their name in the browser, how they say that there is no
// room, and how a database goes. Must not know which there are. Invariant: a lack of room is always told with how much is missing.

import { FindlingError } from "./protocol.js";

/** Where it begins, and how many bytes. @typedef {[offset: number, length: number]} Range */
/**
 * What keeps files. What it throws is of the browser, but for a lack of room.
 * @typedef {object} Keeper
 * @property {(file: string) => Promise<number>} size
 * @property {(file: string, ranges: Range[]) => Promise<Uint8Array[]>} readRanges As `Storage.readRanges`.
 * @property {(file: string, data: Uint8Array) => Promise<void>} write
 * @property {(file: string) => Promise<void>} remove
 * @property {() => Promise<string[]>} names
 * @property {Map<string, number>} times When files that were read or written here were written, in ms since 1970; not of those named by their content.
 */
/** What of the browser is used; tests give their own. @typedef {{navigator?: any, indexedDB?: any, IDBKeyRange?: any, FileSystemFileHandle?: any, pause?: (ms: number) => Promise<void>}} Host */

/** The folder of the origin's files, and the database, that hold everything. */
export const PLACE = "findling-collections";

/** The database of the ways to files that are being added. */
export const HANDLES = "findling-chosen";

/** @param {unknown} cause */
export function isQuota(cause) {
  return /** @type {any} */ (cause)?.name === "QuotaExceededError";
}

/** @param {number} size @param {number} missing */
export function noRoom(size, missing) {
  const detail = { reason: "quota", size_bytes: size, missing_bytes: missing };
  return new FindlingError("storage", `there is no room in this browser's storage for ${megabytes(size)} MB more: ${megabytes(missing)} MB are missing; what was saved before is still there, so delete something and try again`, detail);
}

/** @param {number} bytes At least a tenth. */
function megabytes(bytes) {
  return (Math.max(1, Math.ceil(bytes / 1e5)) / 10).toFixed(1);
}

/** @param {string} name @param {string} file */
export function named(name, file) {
  return Object.assign(new Error(file), { name });
}

/**
 * Deletes a database, if it is there.
 * @param {string} place
 * @throws where another tab has it open; it goes when that closes it.
 */
export async function eraseDatabase(place) {
  // Who may not even look has nothing there.
  const found = (await globalThis.indexedDB?.databases().catch(() => [])) ?? [];
  if (!found.some(({ name }) => name === place)) return;
  await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(place);
    request.onsuccess = resolve;
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab has it open"));
  });
}
