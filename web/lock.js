// @ts-check
// Owns the lock by which the end of a worker is noticed: browsers tell nobody when they end one.
// Must not know what the worker is for. Invariant: whoever gets the lock of a worker's name, after the worker has held it,
// knows that the worker has ended, however that came about.

/** Whether there are locks here; a page that is not served securely has none. */
export const hasLocks = () => Boolean(globalThis.navigator?.locks);

/**
 * Takes the lock of this worker's name until the worker ends.
 * @param {string} name
 * @returns {Promise<void>} Resolves when it is held, or cannot be.
 */
export function holdLock(name) {
  if (!name || !hasLocks()) return Promise.resolve();
  return new Promise((granted) => {
    const forEver = new Promise(() => undefined);
    const held = navigator.locks.request(name, () => {
      granted();
      return forEver;
    });
    held.catch(() => granted());
  });
}

/**
 * Calls `ended` once the worker of that name, which holds its lock by now, has ended.
 * @param {string} name
 * @param {AbortSignal} signal Aborted when nobody wants to know any more.
 * @param {() => void} ended
 */
export function awaitEnd(name, signal, ended) {
  if (!hasLocks()) return;
  const got = navigator.locks.request(name, { signal }, () => {
    if (!signal.aborted) ended();
  });
  got.catch(() => undefined);
}
