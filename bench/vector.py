"""Vector search in a page: this project's index beside plain JavaScript and the peers from npm, on real vectors.

Owns which cases are measured and how they are set beside each other. Must not know how any side works. Invariant: every
ratio is to a baseline of the same run, asked as many queries in as many rounds and built as often, the least of each; recall
is told against the exact scan of the vectors as they were embedded.

    vector.py [BACKEND [PART...]]   default wasm-relaxed, and all of flat graph others choice
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _chromium import call, chromium, lay_out, served
from _collection import embedded
from _report import ROOT, report, say
from playwright.sync_api import Error, Page

QUERIES = 1000
FLAT_QUERIES = 200
"""Those that are timed in the scan of all vectors, where plain JavaScript takes many milliseconds for each."""
GRAPH_ROWS = 20_000
M, EF_CONSTRUCTION = 16, 100
RECALL_FLAT, RECALL_GRAPH = 0.99, 0.98
BUILDS = 2
REPEATS = 3
"""Rounds over the timed queries, for every side alike."""
PEERS = ("edgevec", "voy-search", "mememo")
"""Printed beside ours with fewer rows: two of them take minutes for as many as hnswlib-wasm gets."""
PEER_ROWS, PEER_QUERIES = 2000, 200
CHOICE_ROWS = (1_000, 3_000, 10_000, 30_000, 100_000)
CHOICE_QUERIES = 200
COSINE = 0.85
EF_STEPS = (30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 90, 100, 120, 150, 200, 300, 400)
RESCORE_STEPS = (200, 300, 400, 600, 800, 1200, 1600)


def fill(folder: Path, vectors: Any) -> None:
    """The page's folder: engine, peers and vectors; every 34th vector is held out as a query."""
    lay_out(folder, "vector.page.js")
    shutil.copy(ROOT / "bench" / "vector.peers.js", folder)
    for name in ("hnswlib-wasm", *PEERS):
        shutil.copytree(ROOT / "node_modules" / name, folder / "peers" / name)
    order = np.random.default_rng(1).permutation(len(vectors))
    vectors[order[:QUERIES]].tofile(folder / "queries.f32")
    vectors[order[QUERIES:]].tofile(folder / "base.f32")


def reaching(recall: float, steps: tuple[int, ...], measure: Any) -> tuple[int, dict[str, float]]:
    """The first step whose recall is enough, measured; the last one where none is."""
    for step in steps:
        found = measure(step)
        if found["recall"] >= recall:
            break
    return step, found


def fastest(build: Callable[[], Any]) -> Any:
    """The build that took least of as many as every side gets; the last one stays in the page."""
    return min((build() for _ in range(BUILDS)), key=lambda made: made["build"])


def flat(page: Page, count: int) -> None:
    """The scan of all vectors against what a page would write by hand."""
    plain = min((call(page, "plain", count, FLAT_QUERIES, REPEATS, sums) for sums in (1, 4)), key=lambda each: each["least"])
    report("vector", f"plain JavaScript scan of {count}", "time", plain["least"], "ms")
    for name, spec, steps in (("int8", {}, (0,)), ("sketches and int8", {"sketch": True}, RESCORE_STEPS)):
        built = call(page, "build", "flat", {**spec, "index": "flat"}, count)
        size = built["file_bytes"] / count + (48 if spec else 0)

        def ask(queries: int, repeats: int, step: int) -> Any:
            return call(page, "search", "flat", count, queries, repeats, {"rescore": step} if step else {})

        step, found = reaching(RECALL_FLAT, steps, partial(ask, QUERIES, 0))
        took = ask(FLAT_QUERIES, REPEATS, step)["least"]
        case = f"scan of {count}, {name}" + (f", rescore {step}" if step else "")
        report("vector", case, "time", took, "ms", plain["least"])
        report("vector", case, "recall@10", found["recall"], "share", RECALL_FLAT)
        report("vector", case, "bytes a vector", size, "bytes", 1536.0)
    call(page, "free", "flat")


def graph(page: Page, count: int) -> None:
    """HNSW against hnswlib-wasm: build, and search at the same recall."""
    peer = fastest(partial(call, page, "buildPeer", "hnswlib-wasm", count, M, EF_CONSTRUCTION))
    peer_ef, peer_found = reaching(RECALL_GRAPH, EF_STEPS, lambda ef: call(page, "searchPeer", count, QUERIES, REPEATS, ef))
    report("vector", f"hnswlib-wasm {count}", "build", peer["build"], "ms")
    report("vector", f"hnswlib-wasm {count}, ef {peer_ef}", "time", peer_found["least"], "ms")
    report("vector", f"hnswlib-wasm {count}, ef {peer_ef}", "recall@10", peer_found["recall"], "share", RECALL_GRAPH)
    spec = {"index": "graph", "m": M, "ef_construction": EF_CONSTRUCTION}
    built = fastest(partial(call, page, "build", "graph", spec, count))
    step, found = reaching(
        RECALL_GRAPH, EF_STEPS, lambda ef: call(page, "search", "graph", count, QUERIES, REPEATS, {"ef_search": ef})
    )
    report("vector", f"graph of {count}, int8", "build", built["build"], "ms", peer["build"])
    report("vector", f"graph of {count}, int8, ef {step}", "time", found["least"], "ms", peer_found["least"])
    report("vector", f"graph of {count}, int8, ef {step}", "recall@10", found["recall"], "share", peer_found["recall"])
    report("vector", f"graph of {count}, int8", "bytes a vector", built["file_bytes"] / count, "bytes", 1536.0)
    call(page, "free", "graph")


def others(page: Page, count: int) -> None:
    """The peers that the figures do not ask to be beaten by a factor, and ours with as many vectors."""
    spec = {"index": "graph", "m": M, "ef_construction": EF_CONSTRUCTION}
    built = fastest(partial(call, page, "build", "graph", spec, count))
    found = call(page, "search", "graph", count, PEER_QUERIES, REPEATS, {"ef_search": EF_CONSTRUCTION})
    for name in (None, *PEERS):
        mine = name is None
        case = f"graph of {count}, int8" if mine else f"{name} {count}"
        try:
            made = built if mine else fastest(partial(call, page, "buildPeer", name, count, M, EF_CONSTRUCTION))
            seen = found if mine else call(page, "searchPeer", count, PEER_QUERIES, REPEATS, EF_CONSTRUCTION)
        except Error as error:
            say(f"vector: {name} does not run: {error.message.splitlines()[0]}")
            continue
        report("vector", case, "build", made["build"], "ms", None if mine else built["build"])
        report("vector", case, "time", seen["least"], "ms", None if mine else found["least"])
        report("vector", case, "recall@10", seen["recall"], "share", None if mine else found["recall"])
    call(page, "free", "graph")


def choice(page: Page) -> None:
    """What docs/ENGINE.md tells about scan or graph: each way at the same recall, over numbers of vectors."""
    call(page, "extend", max(CHOICE_ROWS), COSINE)
    ways = (
        ("scan, int8", {"index": "flat"}, "rescore", (400,)),
        ("sketches", {"index": "flat", "sketch": True}, "rescore", RESCORE_STEPS),
        ("graph", {"index": "graph", "m": M, "ef_construction": EF_CONSTRUCTION}, "ef_search", EF_STEPS),
    )
    for count in CHOICE_ROWS:
        for name, spec, key, steps in ways:
            built = call(page, "build", "choice", spec, count)
            ask = partial(call, page, "search", "choice", count, CHOICE_QUERIES, REPEATS)
            step, found = reaching(RECALL_GRAPH, steps, lambda step, ask=ask, key=key: ask({key: step}))
            case = f"choice: {name} of {count}" + ("" if len(steps) == 1 else f", {key} {step}")
            report("vector", case, "build", built["build"], "ms")
            report("vector", case, "time", found["least"], "ms")
            report("vector", case, "recall@10", found["recall"], "share", RECALL_GRAPH)
    call(page, "free", "choice")


def main() -> None:
    backend = sys.argv[1] if sys.argv[1:] else "wasm-relaxed"
    vectors = embedded("debian-src")
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), vectors)
        with served(Path(folder)) as site, chromium(bypass_csp=True) as context:
            # hnswlib-wasm makes code out of strings, which the server's policy forbids.
            page = context.pages[0]
            page.goto(site)
            call(page, "setUp", int(vectors.shape[1]), backend)
            say(f"vector: {backend}, {len(vectors) - QUERIES} vectors, {QUERIES} queries")
            parts: dict[str, Callable[[], None]] = {
                "flat": lambda: flat(page, len(vectors) - QUERIES),
                "graph": lambda: graph(page, GRAPH_ROWS),
                "others": lambda: others(page, PEER_ROWS),
                "choice": lambda: choice(page),
            }
            for part in sys.argv[2:] or parts:
                parts[part]()


if __name__ == "__main__":
    main()
