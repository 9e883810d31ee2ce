// @ts-check
// Owns one request over HTTP: what an answer may be, its body piece by piece, and each failure as a coded error.
// Must not know what is fetched or where it is kept.
// Invariant: whatever a network or a server does ends in a body or in an error with a sentence, never in a bare exception.

import { FindlingError, toError } from "./protocol.js";

/**
 * @param {string} url
 * @param {RequestInit} options
 * @returns {Promise<Response>} With a status of 200 or 206.
 */
export async function get(url, options) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, { credentials: "omit", ...options });
  } catch (cause) {
    throw networkError(url, cause);
  }
  if (response.ok) return response;
  const code = response.status === 404 || response.status === 410 ? "not_found" : "network";
  throw new FindlingError(code, `${name(url)} could not be fetched: the server answered ${response.status}`, {
    url,
    status: response.status,
  });
}

/**
 * @param {Response} response
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* chunks(response) {
  const reader = response.body?.getReader();
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    if (done) return;
    if (value) yield value;
  }
}

/**
 * @param {Response} response
 * @param {string} file
 * @param {(done: number) => void} [onBytes]
 * @returns {Promise<Uint8Array>}
 */
export async function readBody(response, file, onBytes) {
  /** @type {Uint8Array[]} */
  const all = [];
  let done = 0;
  try {
    for await (const chunk of chunks(response)) {
      all.push(chunk);
      done += chunk.length;
      onBytes?.(done);
    }
  } catch (cause) {
    throw networkError(file, cause);
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const chunk of all) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * @param {string} url
 * @param {unknown} cause
 */
export function networkError(url, cause) {
  if (cause instanceof FindlingError) return cause;
  return new FindlingError("network", `${name(url)} could not be fetched: ${toError(cause).message}; check the connection and try again`, {
    url,
  });
}

/** @param {string} url */
export function name(url) {
  return url.split(/[?#]/)[0]?.split("/").pop() || url;
}
