"""Relevance of dense search over the emoji collection: crowd keywords as queries, title and text indexed.

Owns the measures. Must not know how vectors are made. Invariant: both sides rank all documents by cosine; only queries of
the report sample count, which nothing was tuned on.
"""

import json
import math
import sys

import numpy as np
from _report import DATA, lines, report
from _vectors import Sides, Vectors

from findling.documents import Document
from findling.passages import cut

SUCCESS_AT = 5
GAIN_AT = 10


def judged_queries() -> tuple[list[str], list[set[str]]]:
    """The queries of the report sample, and for each the ids of its relevant documents."""
    sample = DATA / "samples" / "emoji.report.txt"
    if not sample.is_file():
        sys.exit(f"samples/emoji.report.txt is missing from {DATA}; set FINDLING_DATA to the folder that holds the collections")
    chosen = sample.read_text(encoding="utf-8").split()
    rows = [line.split("\t") for line in lines("emoji.queries.tsv.gz")][1:]
    texts = {row[0]: row[1] for row in rows}
    relevant: dict[str, set[str]] = {}
    for line in lines("emoji.qrels.tsv.gz"):
        query, _, document, grade = line.split("\t")
        if int(grade) > 0:
            relevant.setdefault(query, set()).add(document)
    return [texts[query] for query in chosen], [relevant[query] for query in chosen]


def measured(queries: Vectors, documents: Vectors, ids: list[str], relevant: list[set[str]]) -> tuple[float, float]:
    """success@5 (a relevant document among the first five) and nDCG@10 with gains of 0 and 1; both are means over the queries."""
    order = np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :GAIN_AT]
    success = gain = 0.0
    for row, wanted in zip(order.tolist(), relevant, strict=True):
        found = [ids[document] in wanted for document in row]
        success += any(found[:SUCCESS_AT])
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(wanted), GAIN_AT)))
        gain += sum(hit / math.log2(rank + 2) for rank, hit in enumerate(found)) / ideal
    return success / len(relevant), gain / len(relevant)


def main() -> None:
    """The quantised engine beside full precision."""
    sides = Sides()
    queries, relevant = judged_queries()
    records = [json.loads(line) for line in lines("emoji.jsonl.gz")]
    ids = [record["id"] for record in records]
    texts = []
    for record in records:
        passages = cut(Document(id=record["id"], title=record["title"], text=record["text"]))
        texts.append(passages[0].embedded)
        assert len(passages) == 1, "an emoji has one passage"
    quantised = measured(sides.quantised(queries, "query"), sides.quantised(texts, "passage"), ids, relevant)
    exact = measured(sides.exact(queries, "query"), sides.exact(texts, "passage"), ids, relevant)
    case = f"{len(queries)} queries of the report sample"
    for metric, value, baseline in zip((f"success@{SUCCESS_AT}", f"nDCG@{GAIN_AT}"), quantised, exact, strict=True):
        report("emoji", case, metric, value, "share", baseline, digits=6)


if __name__ == "__main__":
    main()
