"""How fast each backend embeds: a tier beside the fastest and beside its own linear layers alone, those beside the relaxed
dot product alone and a multiplication by hand in JavaScript, native on one thread beside the fastest tier, on more beside one.

Owns the shapes. Must not know how a backend computes. Invariant: only the linear layers count as work, [CLS] and [SEP] count
as tokens, and a time is the least of as many as its case says.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import _gemm
from _chromium import DIST, chromium, served
from _report import MODEL, report, say
from playwright.sync_api import Page

SHAPES = ((1, 10), (32, 10), (1, 128), (32, 128))
"""Texts in a call, tokens in each."""
TIERS = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
GEMM = (384, 1536)
GEMM_ROWS = (10, 128)
GEMM_TURNS = 40
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


def repeats_of(texts: int, tokens: int, tier: str = "") -> int:
    """Fewer where thirty would take minutes; the figure says how many."""
    if tier not in _gemm.SLOW_TIERS or texts * tokens <= 10:
        return 60 if texts * tokens <= 320 else 30
    return max(1, min(10, 4096 // (texts * tokens)))


def gemm(page: Page, tier: str) -> tuple[dict[int, float], float]:
    """Prints how fast the linear layer is alone; gives its rate by rows, and the peak, GMAC/s."""
    inputs, outputs = GEMM
    rates = {}
    for rows in GEMM_ROWS:
        rate, peak, by_hand = _gemm.measure(page, tier, rows, inputs, outputs, GEMM_TURNS)
        case = f"{tier} GEMM K{inputs} N{outputs} M{rows} (best of {GEMM_TURNS})"
        report("embed", case, "share of peak", rate, "GMAC/s", peak)
        rates[rows] = rate
        macs = rows * inputs * outputs / 1e6
        report("embed", case, "time beside a multiplication by hand", macs / rate, "ms", macs / by_hand)
    return rates, peak


def tiers(work: float) -> dict[tuple[int, int], float]:
    """All figures of the tiers; gives the times of the fastest."""
    version = next(DIST.glob("v-*")).name
    fastest: dict[tuple[int, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        _gemm.lay_out(Path(folder))
        with served(DIST) as site, served(Path(folder)) as layers, chromium() as context:
            page, bare = context.pages[0], context.new_page()
            # Any address of the site that starts no worker: the page itself would compete for the processor.
            page.goto(f"{site}define.js")
            bare.goto(layers)
            for tier in _gemm.TIERS:
                rates, peak = gemm(bare, tier)
                kernel = page.evaluate(LOAD, [version, tier])
                say(f"embed: {tier} ({kernel})")
                if tier == _gemm.TIERS[0]:
                    report("embed", "relaxed dot product alone", "rate", peak, "GMAC/s")
                for texts, tokens in SHAPES:
                    repeats = repeats_of(texts, tokens, tier)
                    took = float(page.evaluate(EMBED, [texts, tokens, repeats]))
                    case, macs = f"{tier} {texts}x{tokens} (least of {repeats})", work * texts * tokens / 1e6
                    report("embed", case, "time", took, "ms", fastest.setdefault((texts, tokens), took))
                    report("embed", case, "share of peak", macs / took, "GMAC/s", peak)
                    # The layer alone is measured at some numbers of rows; what has more is held against the most.
                    rows = min((rows for rows in GEMM_ROWS if rows >= texts * tokens), default=max(GEMM_ROWS))
                    report("embed", case, f"time beside its GEMM alone, M{rows}", took, "ms", macs / rates[rows])
    return fastest


def main() -> None:
    fastest = tiers(macs_per_token())
    one = native_ms(1)
    for threads in sorted({1, 2, os.cpu_count() or 1}):
        say(f"embed: native, {threads} threads")
        times = one if threads == 1 else native_ms(threads)
        for shape, took, of_one in zip(SHAPES, times, one, strict=True):
            case = f"native on {threads} {'thread' if threads == 1 else 'threads'} {shape[0]}x{shape[1]} (least of {repeats_of(*shape)})"
            report("embed", case, "time", took, "ms", fastest[shape] if threads == 1 else of_one)


if __name__ == "__main__":
    main()
