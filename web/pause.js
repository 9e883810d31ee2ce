// @ts-check
// Owns how a thread lets others run: in the worker between two steps, on the page between slices of work that would be felt.
// Must not know what the work is. Invariant: whatever waited in the thread's queue when a pause began has had its turn when it
// ends; a page that is not seen is not slowed down, as it would be by timers.

/** What takes longer at a time is felt by whoever types; a frame has 16 ms. */
const SLICE_MS = 8;

/** Resolves after every message that is already in the queue had its turn. */
export function pause() {
  return new Promise((resume) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resume(undefined);
    };
    port2.postMessage(null);
  });
}

/**
 * Does something with each, in slices.
 * @template T, R
 * @param {Iterable<T>} all
 * @param {(each: T) => R} act
 * @returns {Promise<R[]>} What it gave, in order.
 */
export async function inSlices(all, act) {
  const made = [];
  let end = performance.now() + SLICE_MS;
  for (const each of all) {
    made.push(act(each));
    if (performance.now() < end) continue;
    await pause();
    end = performance.now() + SLICE_MS;
  }
  return made;
}
