"""The vector index at 100,000 and at 1,000,000 vectors on the native engine: build, search at one recall, bytes a vector.

Owns how few real vectors become many: each is a real one plus noise of its own, scaled so that the mean cosine to its source
is 0.85. Must not know how the index works. Invariant: rows are made block by block from fixed seeds, so that neither they nor
the exact neighbours ever need more memory than a block; recall is told against the exact scan in f32.

    million.py [ROWS...]   default 100000 1000000; takes minutes and 2 GB, so it is not among the default benchmarks
"""

import os
import resource
import sys
import time
from typing import Any

import numpy as np
from _collection import embedded
from _report import report, say
from numpy.typing import NDArray

from findling import engine

Rows = NDArray[np.float32]
COSINE, RECALL, TOP = 0.85, 0.95, 10
QUERIES, SAMPLE = 1000, 200
"""Queries that are timed, and those of them whose exact neighbours are looked up."""
BLOCK = 20_000
SPEC = {"metric": "cosine", "store": "int8", "index": "graph", "m": 16, "ef_construction": 100}
EF_STEPS = (20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1500, 2000)
REPEATS = 3
ROUNDS_A_SLICE = 20


def perturbed(source: Rows, seed: int) -> Rows:
    """Each row plus noise in all directions, as a unit vector. Noise of length s leaves a cosine of 1 / sqrt(1 + s^2)."""
    length = np.sqrt(1 / COSINE**2 - 1)
    noise = np.random.default_rng(seed).standard_normal(source.shape, np.float32)
    rows = source + noise * np.float32(length / np.sqrt(source.shape[1]))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def blocks(source: Rows, count: int) -> Any:
    """`count` rows in blocks, each with the number of its first; row i comes of source i modulo their number."""
    for first in range(0, count, BLOCK):
        numbers = np.arange(first, min(first + BLOCK, count))
        yield first, perturbed(source[numbers % len(source)], 1_000_000 + first)


class Neighbours:
    """The exact nearest rows of some queries, kept up to date block by block."""

    def __init__(self, queries: Rows) -> None:
        self._queries = queries
        self._scores = np.full((len(queries), TOP), -2, np.float32)
        self.ids = np.zeros((len(queries), TOP), np.int64)

    def see(self, first: int, rows: Rows) -> None:
        scores = np.concatenate([self._scores, self._queries @ rows.T], axis=1)
        known = np.broadcast_to(np.arange(first, first + len(rows)), (len(scores), len(rows)))
        ids = np.concatenate([self.ids, known], axis=1)
        best = np.argpartition(-scores, TOP, axis=1)[:, :TOP]
        self._scores, self.ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)


def linked(index: engine.BoundVectorIndex, count: int) -> float:
    """Seconds to link all rows, a slice at a time."""
    began, told = time.perf_counter(), 0.0
    while not (state := index.link(ROUNDS_A_SLICE))["done"]:
        if (now := time.perf_counter() - began) > told + 15:
            told = now
            say(f"million: {count - state['waiting']} of {count} linked, {now:.0f} s")
    return time.perf_counter() - began


def hits(index: engine.BoundVectorIndex, query: bytes, ef: int) -> set[int]:
    return {hit["id"] for hit in index.search(query, limit=TOP, ef_search=ef)["hits"]}


def times(index: engine.BoundVectorIndex, queries: list[bytes], ef: int) -> NDArray[np.float64]:
    """Milliseconds of every search in the best of the rounds over all queries."""
    rounds = []
    for _ in range(REPEATS):
        took = []
        for query in queries:
            start = time.perf_counter()
            index.search(query, limit=TOP, ef_search=ef)
            took.append((time.perf_counter() - start) * 1e3)
        rounds.append(np.array(took))
    return min(rounds, key=lambda each: float(np.median(each)))


def measure(source: Rows, count: int, baseline: float | None) -> float:
    """All figures of one size; gives the median time of a search. `baseline` is that of the size before."""
    chosen = np.random.default_rng(2).choice(len(source), QUERIES, replace=False)
    queries = perturbed(source[chosen], 3)
    exact = Neighbours(queries[:SAMPLE])
    index = engine.vector_index(dim=source.shape[1], **SPEC)
    cosine, adding = 0.0, 0.0
    for first, rows in blocks(source, count):
        exact.see(first, rows)
        numbers = np.arange(first, first + len(rows))
        cosine += float(np.einsum("ij,ij->", rows, source[numbers % len(source)]))
        start = time.perf_counter()
        index.add(numbers.astype("<u4").tobytes(), rows.tobytes())
        adding += time.perf_counter() - start
    say(f"million: {count} added in {adding:.1f} s, mean cosine to the source {cosine / count:.4f}")
    case = f"graph of {count}, int8, {os.cpu_count()} threads"
    report("million", case, "mean cosine to the source", cosine / count, "cosine", COSINE)
    report("million", case, "build", adding + linked(index, count), "s")
    asked = [query.tobytes() for query in queries]
    for ef in EF_STEPS:
        found = [len(hits(index, query, ef) & set(ids)) for query, ids in zip(asked, exact.ids.tolist(), strict=False)]
        recall = sum(found) / (SAMPLE * TOP)
        say(f"million: {count}, ef {ef}: recall {recall:.4f}")
        if recall >= RECALL:
            break
    took = times(index, asked, ef)
    p50, p99 = (float(np.percentile(took, share)) for share in (50, 99))
    case = f"{case}, ef {ef}"
    report("million", case, "recall@10", recall, "share", RECALL)
    report("million", case, "search p50", p50, "ms", baseline)
    report("million", case, "search p99", p99, "ms")
    # Before the dump, whose copy of the whole index no search needs.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report("million", case, "most memory of the process so far", memory, "MiB")
    report("million", case, "bytes a vector", len(index.dump()) / count, "bytes", 700.0)
    return p50


def main() -> None:
    source = embedded("debian-src")
    before = None
    for count in map(int, sys.argv[1:] or ("100000", "1000000")):
        before = measure(source, count, before)


if __name__ == "__main__":
    main()
