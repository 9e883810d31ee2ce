"""Vector search in a page: this project's index beside plain JavaScript and the peers from npm, on real vectors.

Owns which cases are measured and how they are set beside each other. Must not know how any side works. Invariant: every
ratio is to a baseline of the same run, and recall is told against the exact scan of the vectors as they were embedded.

    vector.py [BACKEND]   default wasm-relaxed
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _chromium import ROOT, chromium, report, say, served
from _collection import embedded
from playwright.sync_api import Page

QUERIES = 1000
FLAT_QUERIES = 200
GRAPH_ROWS = 20_000
M, EF_CONSTRUCTION = 16, 100
RECALL_FLAT, RECALL_GRAPH = 0.99, 0.98
REPEATS = 5
EF_STEPS = (30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 90, 100, 120, 150, 200, 300, 400)
RESCORE_STEPS = (200, 300, 400, 600, 800, 1200, 1600)


def lay_out(folder: Path, vectors: Any) -> None:
    """The page's folder: engine, peers and vectors; every 34th vector is held out as a query."""
    shutil.copytree(ROOT / ".cache" / "engine", folder / "engine")
    (folder / "web").mkdir()
    shutil.copy(ROOT / "web" / "engine.js", folder / "web")
    shutil.copy(ROOT / "bench" / "vector.page.js", folder)
    shutil.copytree(ROOT / "node_modules" / "hnswlib-wasm" / "dist", folder / "hnswlib")
    (folder / "index.html").write_text('<!doctype html><title>bench</title><link rel="icon" href="data:,">', encoding="utf-8")
    order = np.random.default_rng(1).permutation(len(vectors))
    vectors[order[:QUERIES]].tofile(folder / "queries.f32")
    vectors[order[QUERIES:]].tofile(folder / "base.f32")


def call(page: Page, function: str, *arguments: Any) -> Any:
    """A function of the page's module."""
    return page.evaluate("async ([name, given]) => (await import('/vector.page.js'))[name](...given)", [function, list(arguments)])


def reaching(recall: float, steps: tuple[int, ...], measure: Any) -> tuple[int, dict[str, float]]:
    """The first step whose recall is enough, measured; the last one where none is."""
    for step in steps:
        found = measure(step)
        if found["recall"] >= recall:
            break
    return step, found


def flat(page: Page, count: int) -> None:
    """The scan of all vectors against what a page would write by hand."""
    plain = min((call(page, "plain", count, FLAT_QUERIES, 2, sums) for sums in (1, 4)), key=lambda each: each["least"])
    report("vector", f"plain JavaScript scan of {count}", "time", plain["least"], "ms")
    for name, spec, steps in (("int8", {}, (0,)), ("sketches and int8", {"sketch": True}, RESCORE_STEPS)):
        built = call(page, "build", "flat", {**spec, "index": "flat"}, count)
        size = built["file_bytes"] / count + (48 if spec else 0)

        def measure(step: int) -> Any:
            return call(page, "search", "flat", count, QUERIES, REPEATS, {"rescore": step} if step else {})

        step, found = reaching(RECALL_FLAT, steps, measure)
        case = f"scan of {count}, {name}" + (f", rescore {step}" if step else "")
        report("vector", case, "time", found["least"], "ms", plain["least"])
        report("vector", case, "recall@10", found["recall"], "share", RECALL_FLAT)
        report("vector", case, "bytes a vector", size, "bytes", 1536.0)
    call(page, "free", "flat")


def graph(page: Page, count: int) -> None:
    """HNSW against hnswlib-wasm: build, and search at the same recall."""
    peer = call(page, "buildHnswlib", count, M, EF_CONSTRUCTION)
    peer_ef, peer_found = reaching(RECALL_GRAPH, EF_STEPS, lambda ef: call(page, "searchHnswlib", count, QUERIES, 2, ef))
    report("vector", f"hnswlib-wasm {count}", "build", peer["link"], "ms")
    report("vector", f"hnswlib-wasm {count}, ef {peer_ef}", "time", peer_found["least"], "ms")
    report("vector", f"hnswlib-wasm {count}, ef {peer_ef}", "recall@10", peer_found["recall"], "share", RECALL_GRAPH)
    spec = {"index": "graph", "m": M, "ef_construction": EF_CONSTRUCTION}
    built = min((call(page, "build", "graph", spec, count) for _ in range(2)), key=lambda each: each["link"])
    step, found = reaching(
        RECALL_GRAPH, EF_STEPS, lambda ef: call(page, "search", "graph", count, QUERIES, REPEATS, {"ef_search": ef})
    )
    report("vector", f"graph of {count}, int8", "build", built["link"], "ms", peer["link"])
    report("vector", f"graph of {count}, int8, ef {step}", "time", found["least"], "ms", peer_found["least"])
    report("vector", f"graph of {count}, int8, ef {step}", "recall@10", found["recall"], "share", peer_found["recall"])
    report("vector", f"graph of {count}, int8", "bytes a vector", built["file_bytes"] / count, "bytes", 1536.0)


def main() -> None:
    backend = sys.argv[1] if sys.argv[1:] else "wasm-relaxed"
    vectors = embedded("debian-src")
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), vectors)
        with served(Path(folder)) as site, chromium(bypass_csp=True) as context:
            # hnswlib-wasm makes code out of strings, which the server's policy forbids.
            page = context.pages[0]
            page.goto(site)
            call(page, "setUp", int(vectors.shape[1]), backend)
            say(f"vector: {backend}, {len(vectors) - QUERIES} vectors, {QUERIES} queries")
            flat(page, len(vectors) - QUERIES)
            graph(page, GRAPH_ROWS)


if __name__ == "__main__":
    main()
