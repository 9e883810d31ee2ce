// @ts-check
// Owns the shell for visits without a network: the files of one version, as the page names them.
// Must not know what the files are for, nor the model, which web/store.js keeps. Invariant: online, the page itself comes
// from the network; a kept file is used only under the content-named address it was kept under.

const CACHE = "findling-shell";
/** Left to the browser's HTTP cache while online, because only there it keeps the compiled code beside them. */
const BYPASS = /\/pyodide\.asm\.(wasm|mjs)$/;

/** @type {any} */
const scope = globalThis;
/** Whether the last page had to come from the cache. */
let offline = false;

scope.addEventListener("install", () => scope.skipWaiting());
scope.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(activate()));
scope.addEventListener("message", (/** @type {any} */ event) => {
  const [port] = event.ports;
  const done = keep(event.data?.keep ?? []).then(
    () => port?.postMessage({}),
    (cause) => port?.postMessage({ error: String(cause) }),
  );
  event.waitUntil(done);
});
scope.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.location.origin || request.headers.has("range")) return;
  if (request.mode === "navigate") event.respondWith(navigation(event));
  else if (!BYPASS.test(url.pathname) || offline || !navigator.onLine) event.respondWith(file(request));
});

async function activate() {
  await scope.registration.navigationPreload?.enable();
  await scope.clients.claim();
}

/** @param {any} event */
async function navigation(event) {
  try {
    const response = (await event.preloadResponse) ?? (await fetch(event.request));
    offline = false;
    return response;
  } catch (cause) {
    const kept = await caches.match(scope.registration.scope, { cacheName: CACHE });
    if (!kept) throw cause;
    offline = true;
    return kept;
  }
}

/**
 * A kept file serves every query string. Its own address would then hide the one asked for, where the worker's script
 * reads its options (`import.meta.url`), so such an answer is given without an address.
 * @param {Request} request
 */
async function file(request) {
  const kept = await caches.match(request, { cacheName: CACHE, ignoreSearch: true });
  if (!kept) return fetch(request);
  return kept.url === request.url ? kept : new Response(kept.body, kept);
}

/**
 * Keeps exactly these addresses: fetches what is missing and the page itself, and deletes the files of other versions.
 * @param {string[]} urls The first is the page.
 */
async function keep(urls) {
  const [page, ...files] = urls;
  if (!page) return;
  const cache = await caches.open(CACHE);
  const kept = new Set((await cache.keys()).map(({ url }) => url));
  await cache.addAll([page, ...files.filter((url) => !kept.has(url))]);
  const wanted = new Set(urls);
  await Promise.all([...kept].filter((url) => !wanted.has(url)).map((url) => cache.delete(url)));
}
