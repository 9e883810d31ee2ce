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

/**
 * Fetches a file of this build and compiles it, which begins with its first bytes.
 * @param {string} url
 * @returns {Promise<WebAssembly.Module>}
 * @throws {FindlingError} network; bad_format when the bytes are no module.
 */
export async function compileFile(url) {
  const response = await fetchFile(url, "application/wasm");
  return WebAssembly.compileStreaming(response).catch((cause) => {
    const reason = toError(cause).message;
    throw new FindlingError("bad_format", `${url} is damaged: ${reason}; reload the page to fetch it again`, { url, reason });
  });
}

/**
 * Fetches a file of this build.
 * @param {string} url
 * @param {string} [type] The content type it must have.
 * @returns {Promise<Response>}
 */
export async function fetchFile(url, type) {
  const response = await fetch(url, { credentials: "same-origin" }).catch((cause) => {
    throw new FindlingError("network", `${url} could not be fetched: ${toError(cause).message}; check the connection and try again`, { url });
  });
  if (!response.ok) {
    throw new FindlingError("network", `${url} could not be fetched: the server answered ${response.status}`, { url, status: response.status });
  }
  const found = (response.headers.get("content-type") ?? "none").split(";")[0]?.trim().toLowerCase();
  if (type && found !== type) {
    throw new FindlingError("network", `the server sends ${url} with content type ${found}; it must be ${type}`, { url, type: found });
  }
  return response;
}
