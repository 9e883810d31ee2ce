"""How near the quantised vectors come to those of full precision: cosines, and the share of nearest neighbours kept.

Owns the choice of texts. Must not know how either side computes. Invariant: every figure stands beside that of full precision,
which is 1 by definition, or of PyTorch.
"""

import json

import numpy as np
from _report import ROOT, lines, report
from _vectors import Sides, Vectors

GOLDEN = ROOT / "tests" / "golden"
GOLDEN_TOKENS = 128
SHORT_TEXTS = 2_000
PARAGRAPHS = 200
NEIGHBOURS = 10
DIGITS = 6
"""The figures lie so near to 1 that three would hide the difference."""


def summaries_and_paragraphs() -> tuple[list[str], list[str]]:
    """Evenly chosen different summaries and long descriptions of debian-src."""
    packages = [json.loads(line) for line in lines("debian-src.jsonl.gz")]
    short = list(dict.fromkeys(package["summary"] for package in packages if package["summary"]))
    long = list(dict.fromkeys(package["text"] for package in packages if len(package["text"]) > 400))
    return short[:: len(short) // SHORT_TEXTS][:SHORT_TEXTS], long[:: len(long) // PARAGRAPHS][:PARAGRAPHS]


def nearest(vectors: Vectors) -> list[set[int]]:
    """For each vector the `NEIGHBOURS` others with the highest cosine."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return [set(row) for row in np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS].tolist()]


def report_cosines(case: str, quantised: Vectors, exact: Vectors) -> None:
    """Mean and least cosine of corresponding rows."""
    cosines = (quantised * exact).sum(axis=1)
    report("accuracy", case, "mean cosine", float(cosines.mean()), "cosine", 1.0, digits=DIGITS)
    report("accuracy", case, "least cosine", float(cosines.min()), "cosine", 1.0, digits=DIGITS)


def main() -> None:
    """Golden texts against PyTorch, then collections against the oracle."""
    sides = Sides()
    texts = json.loads((GOLDEN / "minilm_fp32.texts.json").read_text(encoding="utf-8"))
    torch = np.load(GOLDEN / "minilm_fp32.npz")["vectors"].astype(np.float64)
    report_cosines("golden", sides.quantised(texts, "passage", GOLDEN_TOKENS), torch)
    difference = np.abs(sides.exact(texts, "passage", GOLDEN_TOKENS) - torch).max()
    report("accuracy", "golden", "largest difference of the oracle", float(difference), "vector element", digits=DIGITS)
    short, long = summaries_and_paragraphs()
    for case, chosen in ((f"{len(short)} summaries", short), (f"{len(long)} paragraphs", long)):
        quantised, exact = sides.quantised(chosen, "passage"), sides.exact(chosen, "passage")
        report_cosines(case, quantised, exact)
        if chosen is short:
            kept = [len(found & wanted) for found, wanted in zip(nearest(quantised), nearest(exact), strict=True)]
            report("accuracy", case, f"top-{NEIGHBOURS} overlap", sum(kept) / NEIGHBOURS / len(kept), "share", 1.0, digits=DIGITS)


if __name__ == "__main__":
    main()
