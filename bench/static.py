"""What the piece table costs and gives: its size, the time of a query, and nDCG@10 beside the model's.

Owns which figures are asked of it. Must not know how a set is built or scored: bench/relevance.py does. Invariant: the static
runs load no model.

    static.py [SET...]    emoji, debtags, icons, revdict
"""

import gzip
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from _report import ROOT, report
from relevance import SETS, build, sampled, searched

from findling.engine import encode, load

TABLE = Path(os.environ.get("FINDLING_PIECES", ROOT / ".cache/model/all-MiniLM-L6-v2.pieces"))
ASKED = {"emoji": 0.54, "debtags": 0.285, "icons": 0.285}
"""nDCG@10 of both legs. Revdict is made of the texts that the table is trained with: it is printed, and nothing asked of it."""
SIZE_ASKED_MB = 2.6
TIME_ASKED_MS = 0.2
ROUNDS = 5


def relevance(name: str) -> None:
    """nDCG@10 of a set with the static encoder, beside that with the model."""
    index, queries = build(name), sampled(name)
    for legs in ("meaning", "both"):
        by_model = searched(name, index, queries, legs)["nDCG@10"]
        found = searched(name, index, queries, legs, "--encoder", "static", "--pieces", str(TABLE))["nDCG@10"]
        case = f"{name}, {legs}, {len(queries)} queries"
        report("static", case, "nDCG@10 beside the model's", found, "share", by_model, digits=4)
        if legs == "both" and name in ASKED:
            report("static", case, "nDCG@10", found, "share", ASKED[name], digits=4)


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
    names = sys.argv[1:] or list(SETS)
    if unknown := [name for name in names if name not in SETS]:
        sys.exit(f"there is no set {unknown[0]}; there are {', '.join(SETS)}")
    content = TABLE.read_bytes()
    report("static", "piece table", "size", len(content) / 1e6, "MB")
    report("static", "piece table, gzip -9", "size", len(gzip.compress(content, 9)) / 1e6, "MB", SIZE_ASKED_MB)
    encoding(names)
    for name in names:
        relevance(name)


if __name__ == "__main__":
    main()
