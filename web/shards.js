// @ts-check
// Owns how texts are cut into shards, asked of an engine, and their vectors put together again.
// Must not know who embeds them. Invariant: shards and vectors keep the order of the texts, and nothing is lost between two.

/** About one slice of an import: a long document is shared out, a slice of several is not. */
const SHARD_CHARS = 2_500;

/**
 * Texts in consecutive shards of about equal length.
 * @param {string[]} texts
 * @returns {string[][]} None of them empty; joined, they are `texts`.
 */
export function shardsOf(texts) {
  const total = texts.reduce((sum, text) => sum + text.length + 1, 0);
  const count = Math.max(1, Math.round(total / SHARD_CHARS));
  /** @type {string[][]} */
  const shards = Array.from({ length: count }, () => []);
  let before = 0;
  for (const text of texts) {
    const middle = before + (text.length + 1) / 2;
    shards[Math.min(count - 1, Math.floor((middle / total) * count))]?.push(text);
    before += text.length + 1;
  }
  return shards.filter((shard) => shard.length > 0);
}

/**
 * The request by which an engine embeds passages.
 * @param {string[]} texts
 */
export function requestOf(texts) {
  return new TextEncoder().encode(JSON.stringify({ texts, kind: "passage" }));
}

/**
 * Vectors of shards as those of all their texts.
 * @param {Uint8Array[]} parts
 */
export function joined(parts) {
  if (parts.length === 1) return /** @type {Uint8Array} */ (parts[0]);
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
