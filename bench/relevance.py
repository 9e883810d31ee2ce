"""Relevance end to end through the command line: nDCG@10 of words, meaning and both on judged collections, and with typos.

Owns the sets, the samples and the typos. Must not know how anything is ranked. Invariant: only title and text are indexed,
only queries of the report samples count, which nothing was tuned on, and every score comes out of a TREC run by ir-measures.

    relevance.py [SET...]    emoji, debtags, icons, revdict; the embedded passages are kept in the cache
"""

import asyncio
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _collection
import ir_measures
from _report import DATA, MODEL, chosen, lines, report
from ir_measures import R, Success, nDCG

from findling.app import App
from findling.engine import load
from findling.query import LEGS
from findling.store import FolderStore

CACHE = _collection.PASSAGES
MEASURES = {"nDCG@10": nDCG @ 10, "R@100": R @ 100}
LIMIT = 100
LEAST_LETTERS = 5
SEED = 7
TITLES = 300


@dataclass(frozen=True)
class Judged:
    """A set: files of the collection, of its queries and judgements, and the nDCG@10 that is asked of both legs."""

    documents: str
    queries: str
    asked: float


SETS = {
    "emoji": Judged("emoji", "emoji", 0.555),
    "debtags": Judged("debian-tagged.docs", "debian", 0.305),
    "icons": Judged("icons.docs", "icons", 0.315),
    "revdict": Judged("revdict.docs", "revdict", 0.335),
}
TYPOS = "debtags"
LOSS_ASKED = 0.012


def build(name: str) -> Path:
    """The index of a set, by the command `build`."""
    CACHE.mkdir(parents=True, exist_ok=True)
    source, out = CACHE / f"{name}.jsonl", CACHE / f"{name}.findling"
    records = (json.loads(line) for line in lines(f"{SETS[name].documents}.jsonl.gz"))
    kept = ({key: record[key] for key in ("id", "title", "text")} for record in records)
    source.write_text("".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in kept), encoding="utf-8")
    _collection.build(name, source, out)
    return out


def ran(name: str, index: Path, queries: dict[str, str], legs: str, *options: str) -> Path:
    """The run of queries by the command `search`, in a process of its own; the second of `options` names the run too."""
    asked, run = CACHE / f"{name}.tsv", CACHE / f"{'-'.join([name, legs, *options[1:2]])}.trec"
    asked.write_text("qid\tquery\n" + "".join(f"{qid}\t{text}\n" for qid, text in queries.items()), encoding="utf-8")
    command = [sys.executable, "-m", "findling", "search", str(index), "--queries", str(asked), "--run", str(run)]
    subprocess.run([*command, "--legs", legs, "--limit", str(LIMIT), "--model", str(MODEL), *options], check=True)
    return run


def searched(name: str, index: Path, queries: dict[str, str], legs: str, *options: str) -> dict[str, float]:
    """The measures of a run."""
    run = ran(name, index, queries, legs, *options)
    judged = (line.split("\t") for line in lines(f"{SETS[name].queries}.qrels.tsv.gz"))
    relevant = [ir_measures.Qrel(qid, document, int(grade)) for qid, _, document, grade in judged if qid in queries]
    found = ir_measures.calc_aggregate(list(MEASURES.values()), relevant, ir_measures.read_trec_run(str(run)))
    return {label: float(found[measure]) for label, measure in MEASURES.items()}


def sampled(name: str) -> dict[str, str]:
    """The queries of the report sample, in the order of their file."""
    chosen = set((DATA / "samples" / f"{name}.report.txt").read_text(encoding="utf-8").split())
    rows = [line.split("\t") for line in lines(f"{SETS[name].queries}.queries.tsv.gz")][1:]
    return {row[0]: row[1] for row in rows if row[0] in chosen}


def mistyped(queries: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The queries with one edit in one of their longer words, in small letters as the letters that slip in; those without
    such a word are left out.
    """
    chance = random.Random(SEED)
    for qid, text in queries.items():
        words = [match for match in re.finditer(r"[A-Za-z]+", text) if len(match[0]) >= LEAST_LETTERS]
        if words:
            word = chance.choice(words)
            yield qid, text[: word.start()] + edited(word[0].lower(), chance) + text[word.end() :]


def edited(word: str, chance: random.Random) -> str:
    """The word with a letter inserted, deleted or replaced, or two neighbours exchanged; never the same word."""
    while True:
        kind = chance.choice(("insert", "delete", "substitute", "transpose"))
        letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
        at = chance.randrange(len(word) + (kind == "insert") - (kind == "transpose"))
        made = {
            "insert": word[:at] + letter + word[at:],
            "delete": word[:at] + word[at + 1 :],
            "substitute": word[:at] + letter + word[at + 1 :],
            "transpose": word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
        }[kind]
        if made != word:
            return made


def titled(name: str, index: Path) -> None:
    """How often a title as the query finds its own document first; of titles that only one document has."""
    holders: dict[str, list[dict[str, str]]] = {}
    with (CACHE / f"{name}.jsonl").open(encoding="utf-8") as file:
        for document in map(json.loads, file):
            holders.setdefault(" ".join(document["title"].lower().split()), []).append(document)
    unique = [held[0] for title, held in sorted(holders.items()) if title and len(held) == 1]
    if len(unique) < TITLES:
        return
    chosen = {f"t{number}": document for number, document in enumerate(random.Random(SEED).sample(unique, TITLES))}
    relevant = [ir_measures.Qrel(qid, document["id"], 1) for qid, document in chosen.items()]
    found = {}
    for legs in LEGS:
        run = ran(name, index, {qid: document["title"] for qid, document in chosen.items()}, legs)
        found[legs] = float(ir_measures.calc_aggregate([Success @ 1], relevant, ir_measures.read_trec_run(str(run)))[Success @ 1])
    better = max(found["meaning"], found["words"])
    report("relevance", f"{name}, both, {TITLES} titles as queries", "success@1 beside the better leg", found["both"], "share", better)


def measure(name: str) -> None:
    """The figures of one set."""
    index, queries = build(name), sampled(name)
    found: dict[str, dict[str, Any]] = {legs: searched(name, index, queries, legs) for legs in reversed(LEGS)}
    for legs, measures in found.items():
        for label, value in measures.items():
            asked = SETS[name].asked if (legs, label) == ("both", "nDCG@10") else None
            report("relevance", f"{name}, {legs}, {len(queries)} queries", label, value, "share", asked, digits=4)
    better = max(found["meaning"]["nDCG@10"], found["words"]["nDCG@10"])
    report("relevance", f"{name}, both", "nDCG@10 beside the better leg", found["both"]["nDCG@10"], "share", better, digits=4)
    titled(name, index)
    refusals(name, index)
    if name == TYPOS:
        typos("relevance", name, index, queries)


def refusals(name: str, index: Path) -> None:
    """How often the collection says that nothing is close: to its own queries, to those of them that find something relevant among
    the first ten, and how seldom to the queries of other sets, of which it may well have something.
    """
    own = sampled(name)
    found = answers(index, list(own.values()))
    relevant = {(qid, document) for qid, _, document, _ in (line.split("\t") for line in lines(f"{SETS[name].queries}.qrels.tsv.gz"))}
    is_close = [answer["close"] for answer in found]
    good = [
        close for qid, close, answer in zip(own, is_close, found, strict=True) if any((qid, hit["id"]) in relevant for hit in answer["hits"])
    ]
    report("relevance", f"{name}, nothing close, {len(own)} queries", "wrongly refused", is_close.count(False) / len(is_close), "share")
    report("relevance", f"{name}, nothing close, {len(good)} queries with a good answer", "wrongly refused", good.count(False) / len(good), "share")
    for other in SETS:
        if other != name:
            foreign = [answer["close"] for answer in answers(index, list(sampled(other).values()))]
            report("relevance", f"{name}, nothing close, queries of {other}", "wrongly accepted", foreign.count(True) / len(foreign), "share")


def answers(index: Path, queries: list[str]) -> list[dict[str, Any]]:
    """What a search for each of the queries answers."""

    async def searched() -> list[dict[str, Any]]:
        own = load()
        own.load_model(MODEL.read_bytes())
        app = App(own, FolderStore(index.parent), whole=True)
        await app.open("set", index.name)
        return await app.search_all("set", queries)

    return asyncio.run(searched())


def typos(bench: str, name: str, index: Path, queries: dict[str, str], *options: str) -> None:
    """What one edit in a word costs, beside the same queries as they are."""
    wrong = dict(mistyped(queries))
    clean = searched(name, index, {qid: queries[qid] for qid in wrong}, "both", *options)["nDCG@10"]
    loss = clean - searched(name, index, wrong, "both", *options)["nDCG@10"]
    report(bench, f"{name}, both, one edit in {len(wrong)} queries", "loss of nDCG@10", loss, "share", LOSS_ASKED, digits=4)


def main() -> None:
    """The sets that were named, or all."""
    for name in chosen(SETS):
        measure(name)


if __name__ == "__main__":
    main()
