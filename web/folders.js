// @ts-check
// Owns the way from what was dropped or picked to files: folders are walked, and their files named by their path.
// Must not know what is in a file. Invariant: the same folders give the same files in the same order; hidden ones are left out;
// nothing is asked of many files in one go, because each answer may take the browser a while.

/** @typedef {{isFile: boolean, isDirectory: boolean, name: string, file?: Function, createReader?: Function}} Entry As of the File and Directory Entries API */
/** @typedef {{kind: "file"|"directory", name: string, getFile?: () => Promise<File>, values?: () => AsyncIterable<Handle>, requestPermission?: (wished: {mode: string}) => Promise<string>}} Handle As of the File System API */
/** A file or a folder, whichever way the browser tells of it. @typedef {{name: string, inner: (() => Promise<Node[]>)|null, file: () => Promise<File|null>}} Node */
/** `handles`: by which the same can be read at another visit; null where the browser has none. @typedef {{files: File[], handles: Handle[]|null}} Chosen */

/** More than anybody drops on purpose. */
export const MAX_FILES = 20_000;
const MAX_DEPTH = 32;
/** As many are taken in the old way as well, for what gets no handle, such as a picture out of another page or a folder that the browser guards. */
const FEW = 64;

/**
 * What was dropped. Everything is taken from `carried` before the first pause, because it is empty after.
 * @param {DataTransfer} carried
 * @returns {Promise<Chosen>}
 */
export async function dropped(carried) {
  const items = /** @type {any[]} */ ([...carried.items].filter((item) => item.kind === "file"));
  if (!items.every((item) => item.getAsFileSystemHandle)) return { files: await filesOfEntries(items, carried), handles: null };
  const asked = items.map((item) => item.getAsFileSystemHandle().catch(() => null));
  const others = items.length > FEW ? [] : items.map(ofItem);
  const handles = /** @type {(Handle|null)[]} */ (await Promise.all(asked));
  const files = await filesOf(handles.map((handle, k) => (handle ? ofHandle(handle) : (others[k] ?? ofItem(items[k])))));
  return { files, handles: handles.every(Boolean) ? /** @type {Handle[]} */ (handles) : null };
}

/**
 * Lets somebody pick files. With handles no file is looked at before its turn, where a browser has them.
 * @param {HTMLInputElement} picker Picks where it has none.
 * @returns {Promise<Chosen|null>} null when nothing was picked.
 */
export async function picked(picker) {
  try {
    const { showOpenFilePicker } = /** @type {any} */ (globalThis);
    if (showOpenFilePicker) return await reached(await showOpenFilePicker({ multiple: true }));
  } catch (cause) {
    if (/** @type {any} */ (cause)?.name === "AbortError") return null;
    // A page inside another may not.
  }
  picker.click();
  return null;
}

/**
 * What is read by handles.
 * @param {Handle[]} handles
 * @returns {Promise<Chosen>}
 */
export async function reached(handles) {
  return { files: await filesOf(handles.map(ofHandle)), handles };
}

/** @param {any[]} items @param {DataTransfer} carried */
async function filesOfEntries(items, carried) {
  const entries = /** @type {(Entry|null)[]} */ (items.map((item) => item.webkitGetAsEntry?.() ?? null));
  const plain = [...carried.files];
  return entries.some((entry) => entry?.isDirectory) ? filesOf(entries.flatMap((entry) => (entry ? [ofEntry(entry)] : []))) : plain;
}

/** @param {Node[]} nodes */
async function filesOf(nodes) {
  /** @type {File[]} */
  const found = [];
  for (const node of nodes) await walk(node, "", 0, found);
  return found;
}

/**
 * @param {Node} node
 * @param {string} above The path of the folder it is in, with a slash at its end.
 * @param {number} depth
 * @param {File[]} found
 */
async function walk(node, above, depth, found) {
  if (found.length >= MAX_FILES || depth > MAX_DEPTH || (depth && node.name.startsWith("."))) return;
  const path = above + node.name;
  if (node.inner) {
    const inner = await node.inner();
    inner.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const each of inner) await walk(each, `${path}/`, depth + 1, found);
    return;
  }
  // One that has gone meanwhile is as if it had not been there.
  const file = await node.file();
  if (file) found.push(above ? new File([file], path, { type: file.type, lastModified: file.lastModified }) : file);
}

/** @param {any} item Of what was dropped. @returns {Node} */
function ofItem(item) {
  const entry = /** @type {Entry|null} */ (item.webkitGetAsEntry?.() ?? null);
  if (entry) return ofEntry(entry);
  const file = /** @type {File|null} */ (item.getAsFile());
  return { name: file?.name ?? "", inner: null, file: () => Promise.resolve(file) };
}

/** @param {Handle} handle @returns {Node} */
function ofHandle(handle) {
  const inner = async () => {
    /** @type {Node[]} */
    const nodes = [];
    // A folder that may not be read is as an empty one.
    try {
      for await (const each of handle.values?.() ?? []) if (nodes.push(ofHandle(each)) >= MAX_FILES) break;
    } catch {}
    return nodes;
  };
  return { name: handle.name, inner: handle.kind === "directory" ? inner : null, file: async () => handle.getFile?.().catch(() => null) ?? null };
}

/** @param {Entry} entry @returns {Node} */
function ofEntry(entry) {
  const inner = async () => (await entriesOf(entry)).map(ofEntry);
  return { name: entry.name, inner: entry.isDirectory ? inner : null, file: () => new Promise((resolve) => entry.file?.(resolve, () => resolve(null))) };
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
