"""How fast each backend embeds: a tier as a share of what the relaxed dot product alone reaches in the same page, native
on one thread beside the fastest tier, on more beside one.

Owns the shapes and the loop that is the peak (peak.rs). Must not know how a backend computes. Invariant: only the linear
layers count as work, [CLS] and [SEP] count as tokens, and every time is the least of at least thirty.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _chromium import DIST, ROOT, chromium, report, say, served
from playwright.sync_api import Page

SHAPES = ((1, 10), (32, 10), (1, 128), (32, 128))
"""Texts in a call, tokens in each."""
TIERS = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
SLOW_TIERS = {"wasm-scalar": 3, "js": 1}
"""How often the long shapes are repeated where thirty times would take minutes; the figure says so."""
MACS_PER_ITERATION = 12 * 16
FLAGS = ("-C", "opt-level=3", "-C", "target-feature=+simd128,+relaxed-simd", "-C", "panic=abort")
PEAK = """
async (bytes) => {
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)));
  const { memory, relaxed_dot } = instance.exports;
  const cell = memory.buffer.byteLength - 1024;
  new Uint8Array(memory.buffer, cell).forEach((_, i, all) => { all[i] = i % 100; });
  const iterations = 2_000_000;
  let least = Infinity;
  for (let i = 0; i < 30; i++) {
    const start = performance.now();
    relaxed_dot(cell, iterations);
    least = Math.min(least, performance.now() - start);
  }
  return iterations / least;
}
"""
LOAD = """
async ([version, backend]) => {
  const { loadEngine } = await import(`/${version}/web/engine.js`);
  const { build } = await import(`/${version}/build.js`);
  const base = new URL(`/${version}/build.js`, location.href);
  globalThis.loaded?.engine.free();
  globalThis.loaded = await loadEngine({ files: build.engine, base, backend });
  const reply = await fetch(new URL(build.model.url, base));
  loaded.engine.load_model(new Uint8Array(await reply.arrayBuffer()));
  return JSON.parse(new TextDecoder().decode(loaded.engine.status())).kernel;
}
"""
EMBED = """
([texts, tokens, repeats]) => {
  const words = ["storm", "river", "house", "green", "music", "stone", "table", "light", "water", "paper"];
  const text = (n) => Array.from({ length: tokens - 2 }, (_, i) => words[(n * 7 + i * 3) % words.length]).join(" ");
  const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
  const ids = JSON.parse(new TextDecoder().decode(loaded.engine.tokenize(bytes({ text: text(0), kind: "query", max_tokens: null })))).ids;
  if (ids.length !== tokens) throw new Error(`${ids.length} tokens, not ${tokens}`);
  const request = bytes({ texts: Array.from({ length: texts }, (_, n) => text(n)), kind: "passage" });
  let least = Infinity;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    loaded.engine.embed(request);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
"""
MODEL = ROOT / ".cache" / "model" / "all-MiniLM-L6-v2.findling"
NATIVE = """
import json, sys, time
from findling import engine

model, shapes = sys.argv[1], json.loads(sys.argv[2])
words = "storm river house green music stone table light water paper".split()
own = engine.load()
own.load_model(open(model, "rb").read())
for texts, tokens, repeats in shapes:
    rows = [" ".join(words[(n * 7 + i * 3) % 10] for i in range(tokens - 2)) for n in range(texts)]
    request = engine.encode({"texts": rows, "kind": "passage"})
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        own.embed(request)
        least = min(least, time.perf_counter() - start)
    print(least * 1e3)
"""


def peak(page: Page) -> float:
    """Multiply-accumulates of the relaxed dot product a second, in this page, in units of 1e9."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "peak.wasm"
        rustc = ["rustc", "--edition", "2024", "--target", "wasm32-unknown-unknown", "--crate-type", "cdylib", *FLAGS]
        subprocess.run([*rustc, "-o", str(module), str(ROOT / "bench" / "peak.rs")], check=True)
        iterations_per_ms = float(page.evaluate(PEAK, base64.b64encode(module.read_bytes()).decode()))
    return iterations_per_ms * MACS_PER_ITERATION * 1e3 / 1e9


def macs_per_token() -> float:
    """Work of the linear layers for one token, from the model's own header."""
    from findling import engine

    meta = engine.inspect(MODEL.read_bytes())["meta"]
    dim, wide = meta["dim"], meta["intermediate"]
    return float(meta["layers"] * (4 * dim * dim + 2 * dim * wide))


def native_ms(threads: int) -> list[float]:
    """The least time of each shape on the native engine in a process of its own, whose number of threads is set from outside."""
    shapes = [(texts, tokens, repeats_of(texts, tokens)) for texts, tokens in SHAPES]
    command = [sys.executable, "-c", NATIVE, str(MODEL), json.dumps(shapes)]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    return [float(line) for line in subprocess.check_output(command, env=environment, text=True).split()]


def repeats_of(texts: int, tokens: int) -> int:
    return 60 if texts * tokens <= 320 else 30


def main() -> None:
    work = macs_per_token()
    version = next(DIST.glob("v-*")).name
    with served(DIST) as site, chromium() as context:
        page = context.pages[0]
        # Any address of the site that starts no worker: the page itself would compete for the processor.
        page.goto(f"{site}define.js")
        fastest: dict[tuple[int, int], float] = {}
        for tier in TIERS:
            kernel = page.evaluate(LOAD, [version, tier])
            say(f"embed: {tier} ({kernel})")
            rate = peak(page)
            if tier == TIERS[0]:
                report("embed", "relaxed dot product alone", "rate", rate, "GMAC/s")
            for texts, tokens in SHAPES:
                repeats = repeats_of(texts, tokens)
                if tier in SLOW_TIERS and texts * tokens > 10:
                    repeats = SLOW_TIERS[tier]
                took = float(page.evaluate(EMBED, [texts, tokens, repeats]))
                case = f"{tier} {texts}x{tokens} (least of {repeats})"
                report("embed", case, "time", took, "ms", fastest.setdefault((texts, tokens), took))
                report("embed", case, "share of peak", work * texts * tokens / took / 1e6, "GMAC/s", rate)
    one = native_ms(1)
    for threads in sorted({1, 2, os.cpu_count() or 1}):
        say(f"embed: native, {threads} threads")
        times = one if threads == 1 else native_ms(threads)
        for shape, took, of_one in zip(SHAPES, times, one, strict=True):
            case = f"native on {threads} {'thread' if threads == 1 else 'threads'} {shape[0]}x{shape[1]} (least of {repeats_of(*shape)})"
            report("embed", case, "time", took, "ms", fastest[shape] if threads == 1 else of_one)


if __name__ == "__main__":
    main()
