"""What every benchmark shares: the lines of the collections, and one line of JSON per figure.

Must not know what is measured. Invariant: standard output holds nothing but JSON lines.
"""

import gzip
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FINDLING_DATA", ROOT.parent / "shared" / "corpora"))
"""The folder of the collections."""
MODEL = ROOT / ".cache" / "model" / "all-MiniLM-L6-v2.findling"


def report(
    bench: str, case: str, metric: str, value: float, unit: str, baseline: float | None = None, *, digits: int = 3
) -> None:
    """Print one figure, rounded to `digits`; `ratio` is value over baseline, where that is not 0."""
    line = {
        "bench": bench,
        "case": case,
        "metric": metric,
        "value": round(value, digits),
        "unit": unit,
        "baseline": None if baseline is None else round(baseline, digits),
        "ratio": round(value / baseline, digits) if baseline else None,
    }
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def chosen(sets: Iterable[str]) -> list[str]:
    """The sets that were named on the command line, or all."""
    known = list(sets)
    if unknown := [name for name in sys.argv[1:] if name not in known]:
        sys.exit(f"there is no set {unknown[0]}; there are {', '.join(known)}")
    return sys.argv[1:] or known


def lines(name: str) -> Iterator[str]:
    """The lines of a gzipped file of the collections, without their ends."""
    path = DATA / name
    if not path.is_file():
        sys.exit(f"{name} is missing from {DATA}; set FINDLING_DATA to the folder that holds the collections")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")
