// @ts-check
// Owns the way from what was dropped to files: folders are walked, and their files named by their path.
// Must not know what is in a file. Invariant: the same folders give the same files in the same order; hidden ones are left out.

/** @typedef {{isFile: boolean, isDirectory: boolean, name: string, file?: Function, createReader?: Function}} Entry As of the File and Directory Entries API */

/** More than anybody drops on purpose. */
export const MAX_FILES = 20_000;
const MAX_DEPTH = 32;

/**
 * The files in what was dropped. Everything is taken from `carried` before the first pause, because it is empty after.
 * @param {DataTransfer} carried
 * @returns {Promise<File[]>}
 */
export async function filesOf(carried) {
  const items = [...carried.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => /** @type {Entry|null} */ (item.webkitGetAsEntry?.() ?? null));
  const plain = [...carried.files];
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, "", 0, found);
  return found;
}

/**
 * @param {Entry} entry
 * @param {string} above The path of the folder it is in, with a slash at its end.
 * @param {number} depth
 * @param {File[]} found
 */
async function walk(entry, above, depth, found) {
  if (found.length >= MAX_FILES || depth > MAX_DEPTH || (depth && entry.name.startsWith("."))) return;
  const path = above + entry.name;
  if (entry.isDirectory) {
    const inner = await entriesOf(entry);
    inner.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const each of inner) await walk(each, `${path}/`, depth + 1, found);
    return;
  }
  // One that has gone meanwhile is as if it had not been there.
  const file = await new Promise((resolve) => entry.file?.(resolve, () => resolve(null)));
  if (file) found.push(above ? new File([file], path, { type: file.type, lastModified: file.lastModified }) : file);
}

/**
 * The entries of a folder; a browser tells them some at a time.
 * @param {Entry} folder
 * @returns {Promise<Entry[]>}
 */
async function entriesOf(folder) {
  const reader = folder.createReader?.();
  /** @type {Entry[]} */
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length || entries.length >= MAX_FILES) return entries;
    entries.push(...some);
  }
}
