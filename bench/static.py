"""What the piece table costs and gives: its size, the time of a query, nDCG@10 beside the model's, and how little is read of a
collection on a web server that is asked without a model.

Owns which figures are asked of it. Must not know how a set is built or scored: bench/relevance.py does, nor how bytes are
counted: bench/remote.py does. Invariant: the static runs load no model.

    static.py [SET...]    emoji, debtags, icons, revdict; without any also all of bench/remote.py
"""

import gzip
import sys
import time
from collections.abc import Callable
from statistics import median

import remote
from _collection import TABLE
from _report import chosen, report
from relevance import SETS, TYPOS, build, sampled, searched, typos

from findling.engine import encode, load

ASKED = {"emoji": 0.54, "debtags": 0.285, "icons": 0.285}
"""nDCG@10 of both legs. Revdict is made of the texts that the table is trained with: it is printed, and nothing asked of it."""
SIZE_ASKED_MB = 2.6
TIME_ASKED_MS = 0.2
ROUNDS = 5


def relevance(name: str) -> None:
    """nDCG@10 of a set with the static encoder, beside that with the model."""
    index, queries = build(name), sampled(name)
    static = ("--encoder", "static", "--pieces", str(TABLE))
    for legs in ("meaning", "both"):
        by_model = searched(name, index, queries, legs)["nDCG@10"]
        found = searched(name, index, queries, legs, *static)["nDCG@10"]
        case = f"{name}, {legs}, {len(queries)} queries"
        report("static", case, "nDCG@10 beside the model's", found, "share", by_model, digits=4)
        if legs == "both" and name in ASKED:
            report("static", case, "nDCG@10", found, "share", ASKED[name], digits=4)
    if name == TYPOS:
        typos("static", name, index, queries, *static)


def encoding(names: list[str]) -> None:
    """The median time of encoding a query in the model's space, the request included."""
    engine = load()
    engine.load_pieces(TABLE.read_bytes())
    took = []
    for query in [query for name in names for query in sampled(name).values()]:
        request = encode({"texts": [query], "kind": "query", "encoder": "static"})
        best = min(_timed(lambda request=request: engine.embed(request)) for _ in range(ROUNDS))
        took.append(best * 1000)
    report("static", f"{len(took)} queries, best of {ROUNDS}", "median", median(took), "ms", TIME_ASKED_MS, digits=4)
    report("static", f"{len(took)} queries, best of {ROUNDS}", "slowest", max(took), "ms", TIME_ASKED_MS, digits=4)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """The sets that were named, or all."""
    names = chosen(SETS)
    content = TABLE.read_bytes()
    report("static", "piece table", "size", len(content) / 1e6, "MB")
    report("static", "piece table, gzip -9", "size", len(gzip.compress(content, 9)) / 1e6, "MB", SIZE_ASKED_MB)
    encoding(names)
    for name in names:
        relevance(name)
    for name in () if sys.argv[1:] else remote.DOCUMENTS:
        remote.measure(name)


if __name__ == "__main__":
    main()
