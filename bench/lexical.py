"""Words and fusion over a whole collection in memory: against MiniSearch in a page, and what a hybrid query costs.

Owns which cases are measured and how they are set beside each other. Must not know how either side works. Invariant: both
sides index the same titles and texts and answer the same queries in the same page, as often; of rounds the least counts.

    lexical.py [BACKEND]   default wasm-relaxed
"""

import gzip
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _chromium import call, chromium, lay_out, served
from _collection import embedded
from _report import MODEL, ROOT, lines, report, say
from numpy.typing import NDArray

from findling import engine
from findling.published import files

SET = "debian-src"
QUERIES = "debian.queries.tsv.gz"
INDEX = "debian"
REPEATS = 3
LIMIT = 10
SLICE = 2_000
HYBRID_QUERIES = 300
FILTER: dict[str, list[dict[str, Any]]] = {"and": [{"field": "kind", "none": ["libs"]}, {"field": "arch", "any": ["amd64", "all"]}, {"field": "size", "range": {"min": 1000}}]}
FACETS = [{"field": "kind"}, {"field": "arch"}]

LAZY = ("root", "leaves", "postings")
"""The sections that hold terms, forms and postings."""
EXACT = ("lengths", "order")
"""What a reader in memory takes beside them; exact frequencies lie among the positions."""
SIZE_ASKED = 0.6

Records = list[dict[str, Any]]


def records() -> Records:
    """The collection, in the order of its lines."""
    return [json.loads(line) for line in lines(f"{SET}.jsonl.gz")]


def queries() -> list[str]:
    """The titles of tags, which are the queries."""
    return [line.split("\t")[1] for line in list(lines(QUERIES))[1:]]


def document(record: dict[str, Any]) -> dict[str, Any]:
    """What the engine is given for a record."""
    return {
        "id": record["id"],
        "fields": {"title": record["title"], "text": record["text"]},
        "values": {"kind": [record["kind"]], "arch": [record["arch"]], "size": [record["size"]]},
        "passages": [f"{record['title']}. {record['text']}"],
        "language": "en",
        "record": {"id": record["id"], "title": record["title"]},
    }


def build(collection: Records, vectors: NDArray[np.float32]) -> tuple[engine.Engine, bytes]:
    """A native engine that holds the collection, and the collection as a file."""
    own = engine.load()
    space = json.loads(own.load_model(MODEL.read_bytes()))["space"]
    own.open(engine.encode({"index": INDEX}))
    for start in range(0, len(collection), SLICE):
        some = collection[start : start + SLICE]
        request = {"index": INDEX, "space": space, "documents": [document(record) for record in some]}
        own.add_vectors(engine.encode(request), vectors[start : start + SLICE].astype("<f4").tobytes())
        say(f"lexical: {start + len(some)} of {len(collection)}")
    return own, own.dump(engine.encode({"index": INDEX}))


def fill(folder: Path, file: bytes, asked: NDArray[np.float32]) -> None:
    """The page's folder: engine, peer, records, the index file and the vectors of the queries."""
    lay_out(folder, "lexical.page.js")
    shutil.copytree(ROOT / "node_modules" / "minisearch", folder / "minisearch")
    (folder / "records.json").write_text(json.dumps([{key: each[key] for key in ("id", "title", "text")} for each in records()]))
    (folder / "index.findling").write_bytes(file)
    asked.astype("<f4").tofile(folder / "queries.f32")


def plan(query: str, vector: list[float] | None = None, **more: Any) -> dict[str, Any]:
    """A search for words, or with a vector for both."""
    return {"index": INDEX, "words": {"text": query}, "limit": LIMIT, **({} if vector is None else {"vector": vector}), **more}


def native(own: engine.Engine, texts: list[str], asked: NDArray[np.float32]) -> None:
    """What a hybrid query costs besides its embedding, natively."""

    def took(filters: Sequence[dict[str, Any]] | None = None, **more: Any) -> list[float]:
        requests = [
            engine.encode(plan(text, vector.tolist(), **more, **({} if filters is None else {"filter": filters[at]})))
            for at, (text, vector) in enumerate(zip(texts, asked, strict=True))
        ]
        best = [float("inf")] * len(requests)
        for _ in range(REPEATS):
            for at, request in enumerate(requests):
                start = time.perf_counter()
                own.search(request)
                best[at] = min(best[at], (time.perf_counter() - start) * 1000)
        return best

    bare = took()
    hybrid("native", bare, took(filter=FILTER, facets=FACETS))
    fresh = statistics.median(took([changed(at) for at in range(len(texts))], facets=FACETS))
    report("lexical", "hybrid, three filters never asked before and facets, native", "median", fresh, "ms", statistics.median(bare))


def changed(at: int) -> dict[str, Any]:
    """The three filters with values of their own for each `at`, so that nothing that was picked before helps."""
    kind, arch, size = FILTER["and"]
    return {"and": [kind | {"none": ["libs", f"none {at}"]}, arch | {"any": ["amd64", "all", f"none {at}"]}, size | {"range": {"min": 1000 + at}}]}


def hybrid(case: str, bare: list[float], filtered: list[float]) -> None:
    """Report both kinds of hybrid query."""
    p95 = float(np.percentile(bare, 95))
    report("lexical", f"hybrid, {case}", "median", statistics.median(bare), "ms")
    report("lexical", f"hybrid, {case}", "p95", p95, "ms", 5.0)
    report("lexical", f"hybrid, three filters and facets, {case}", "median", statistics.median(filtered), "ms", statistics.median(bare))


def main() -> None:
    backend = sys.argv[1] if sys.argv[1:] else "wasm-relaxed"
    collection, texts = records(), queries()
    own, file = build(collection, embedded(SET))
    few = texts[:HYBRID_QUERIES]
    asked = np.frombuffer(own.embed(engine.encode({"texts": few, "kind": "query"})), "<f4").reshape(len(few), -1)
    native(own, few, asked)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), file, asked)
        with served(Path(folder)) as site, chromium(bypass_csp=True) as context:
            page = context.pages[0]
            page.goto(site)
            call(page, "setUp", backend, INDEX)
            peer = call(page, "buildPeer")
            theirs = call(page, "timed", "peer", texts, REPEATS)
            ours = call(page, "timed", "words", texts, REPEATS)
            report("lexical", "words, minisearch", "median", statistics.median(theirs), "ms")
            report("lexical", f"words, {backend}", "median", statistics.median(ours), "ms", statistics.median(theirs))
            report("lexical", f"words, {backend}", "p95", float(np.percentile(ours, 95)), "ms", float(np.percentile(theirs, 95)))
            hybrid(backend, call(page, "hybrid", few, REPEATS, {}), call(page, "hybrid", few, REPEATS, {"filter": FILTER, "facets": FACETS}))
    sizes(own, len(gzip.compress(peer.encode(), 9)) / 1000)


def sizes(own: engine.Engine, peer_kb: float) -> None:
    """What words take in a published collection whose words have no vectors, beside the peer's index as JSON, packed."""
    report("lexical", "size, minisearch as JSON", "gzip", peer_kb, "kB")
    segment, _ = files(own.publish(engine.encode({"index": INDEX}))).values()
    kb = {each["name"]: each["length"] / 1000 for each in engine.inspect(bytes(segment))["sections"]}
    for name in (*LAZY, *EXACT):
        report("lexical", "size, words without vectors, positions and deletions", name, kb[name], "kB")
    for case, names, asked in (("all that a reader in pieces scores by", LAZY, None), ("with lengths and the order of documents", (*LAZY, *EXACT), SIZE_ASKED)):
        report("lexical", f"size, {case}", "as it lies", sum(kb[name] for name in names), "kB", peer_kb)
        if asked:
            report("lexical", f"size, {case}", "share of the peer's", sum(kb[name] for name in names) / peer_kb, "share", asked)


if __name__ == "__main__":
    main()
