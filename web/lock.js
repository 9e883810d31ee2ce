// @ts-check
// Owns the locks of workers: that by which the end of one is noticed, for browsers tell nobody, and those only one can have.
// Must not know what the worker is for. Invariant: whoever gets the lock of a worker's name, after the worker has held it,
// knows that the worker has ended, however that came about.

/** Whether there are locks here; a page that is not served securely has none. */
export const hasLocks = (/** @type {{navigator?: any}} */ host = globalThis) => Boolean(host.navigator?.locks);

/** Whoever held a lock may just be ending, as the worker of a page that is loaded again; where it is busy, browsers take two seconds. */
const PATIENCE_MS = 3_000;

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

/**
 * Takes a lock that one worker of all tabs can have.
 * @param {string} name
 * @param {{navigator?: any}} [host]
 * @returns {Promise<(() => void)|null>} Lets go of it, as the worker's end does; null when another has it.
 */
export function claimLock(name, host = globalThis) {
  return new Promise((resolve) => {
    const hold = () => new Promise((release) => resolve(() => release(undefined)));
    host.navigator.locks.request(name, { signal: AbortSignal.timeout(PATIENCE_MS) }, hold).catch(() => resolve(null));
  });
}
