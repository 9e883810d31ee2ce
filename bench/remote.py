"""How little is read of a published collection on a web server: bytes, requests and rounds of sessions of ten queries, what
that costs of relevance, and how large the collection is.

Owns the sessions and the sums. Must not know the format beyond the names of sections. Invariant: a session has an engine and a
store of its own that know nothing, neither model nor piece table is there, and every byte of a body counts, as it is sent.

    remote.py [SET...]    debtags, debian-src; the published collections are kept in the cache
"""

import asyncio
import gzip
import hashlib
import importlib.util
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from _chromium import served
from _collection import CACHE, TABLE, build
from _report import MODEL, ROOT, chosen, lines, report, say
from ir_measures import nDCG
from relevance import SETS, mistyped, sampled, searched

from findling.app import App
from findling.documents import from_fields
from findling.engine import inspect, load
from findling.errors import Unsupported
from findling.passages import cut
from findling.remote import HttpStore
from findling.segments import POINTER

PUBLISHED = CACHE / "remote"
JUDGED = "debtags"
"""Whose queries are asked of every set."""
DOCUMENTS = {"debtags": "debian-tagged.docs", "debian-src": "debian-src"}
SESSION = 10
LIMIT = 10
ASKED_KB = {"debtags": (130.0, 50.0), "debian-src": (160.0, 60.0)}
"""Session means of the first query and of the further ones."""
ASKED_REQUESTS = (45.0, None)
ASKED_ROUNDS = (8.0, 5.0)
ASKED_SHARE = 0.97
ASKED_OF_RECORDS, ASKED_OF_PASSAGE = 3.0, 70.0
"""Of the records packed by gzip -9, and bytes: what everything but the int8 plane may take."""
INT8_PLANE = ("codes", "scales")
ASKED_TYPO_KB = 25.0
"""Of what is read to correct a word: all but what any other word would have read as well."""
ANSWER = ("headers", "short", "texts", "postings")
FILTER = {"and": [{"field": "kind", "none": ["libs"]}, {"field": "arch", "any": ["amd64", "all"]}, {"field": "size", "range": {"min": 1000}}]}
FACETS = [{"field": "kind"}, {"field": "arch"}]
COLLECTION = "collection"
TYPO = "one typing error"

Sections = dict[str, list[tuple[int, int, str]]]
"""Of each file where its sections begin and end, and their names."""


@dataclass
class Cost:
    """What was read: `kb`, thousands of bytes of bodies, by the section they lie in; `rounds` that had to wait for one another."""

    kb: float = 0.0
    requests: int = 0
    rounds: int = 0
    parts: Counter[str] = field(default_factory=Counter)


class Recorded:
    """The store of an address that counts what is read of it. Requests that run at once are one round."""

    def __init__(self, address: str, sections: Sections) -> None:
        self._store = HttpStore(address, record=self._record)
        self._sections = sections
        self._running = 0
        self._begins = False
        self._cost = Cost()

    def taken(self) -> Cost:
        """The cost since the last time."""
        cost, self._cost = self._cost, Cost()
        return cost

    def close(self) -> None:
        self._store.close()

    async def read(self, file: str, offset: int, length: int) -> bytes:
        with self:
            return await self._store.read(file, offset, length)

    async def size(self, file: str) -> int:
        with self:
            return await self._store.size(file)

    def __enter__(self) -> None:
        self._begins |= self._running == 0
        self._running += 1

    def __exit__(self, *_: object) -> None:
        self._running -= 1

    def _record(self, file: str, offset: int, _: int | None, body_bytes: int) -> None:
        # What the store holds already is read without a request, and is no round.
        self._cost.rounds += self._begins
        self._begins = False
        self._cost.requests += 1
        self._cost.kb += body_bytes / 1000
        if file == POINTER:
            self._cost.parts["pointer"] += body_bytes
            return
        end, left = offset + body_bytes, body_bytes
        for start, until, name in self._sections[file]:
            inside = max(0, min(end, until) - max(offset, start))
            self._cost.parts[name] += inside
            left -= inside
        self._cost.parts["header"] += left


def published(name: str) -> Path:
    """The folder of a published collection with all its fields, built by the command `build` unless the cache holds it."""
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    source = PUBLISHED / f"{name}.jsonl"
    source.write_text("".join(f"{line}\n" for line in lines(f"{DOCUMENTS[name]}.jsonl.gz")), encoding="utf-8")
    digest = hashlib.sha256()
    native = importlib.util.find_spec("findling._native")
    assert native is not None and native.origin is not None, "build has made the native engine"
    made_by = [ROOT / "py/findling" / f"{module}.py" for module in ("documents", "passages", "collection")]
    for path in (Path(native.origin), *made_by, MODEL, TABLE, source):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    folder = PUBLISHED / f"{name}-{digest.hexdigest()[:16]}"
    if not (folder / POINTER).is_file():
        for old in PUBLISHED.glob(f"{name}-????????????????"):
            shutil.rmtree(old)
        # The pointer is written last, so a folder that has one is whole.
        build(name, source, folder)
    return folder


def sections(folder: Path) -> Sections:
    """Where the sections of a published collection lie."""
    told: Sections = {}
    for file in (folder / POINTER, *folder.glob("segment-*.findling")):
        listed = inspect(file.read_bytes())["sections"]
        told[file.name] = [(each["offset"], each["offset"] + each["length"], each["name"]) for each in listed]
    return told


async def session(store: Recorded, queries: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[Cost, dict[str, Any]]]:
    """What each query of a session costs, opening included in the first, and its answer."""
    app = App(load(), store)
    await app.open(COLLECTION, POINTER)
    found = []
    for query, wished in queries:
        answer = await app.search(COLLECTION, query, limit=LIMIT, encoder="static", **wished)
        found.append((store.taken(), answer))
    store.close()
    return found


def sizes(name: str, folder: Path, known: Sections) -> None:
    """How large the collection is, section by section, beside its records packed and what a passage may cost."""
    source = PUBLISHED / f"{name}.jsonl"
    with source.open(encoding="utf-8") as file:
        passages = sum(len(cut(from_fields(json.loads(line), ""))) for line in file)
    asked = ASKED_OF_RECORDS * len(gzip.compress(source.read_bytes(), 9)) + ASKED_OF_PASSAGE * passages
    listed = [(section, end - start) for file in known.values() for start, end, section in file]
    whole = sum((folder / file).stat().st_size for file in known)
    case = f"{name}, {passages} passages, size"
    for section, size in (*listed, ("headers of files, digests and gaps", whole - sum(size for _, size in listed))):
        report("remote", case, section, size / 1000, "kB")
    besides = whole - sum(size for section, size in listed if section in INT8_PLANE)
    report("remote", case, "all but the int8 plane", besides / 1000, "kB", asked / 1000)
    report("remote", case, "all", whole / 1000, "kB")


def tell(name: str, case: str, costs: list[Cost], kb: float | None, requests: float | None, rounds: float | None) -> None:
    """Mean, beside what is asked, and 95th percentile of each sum; the means of the sections."""
    for metric, unit, asked, values in (
        ("bytes", "kB", kb, [cost.kb for cost in costs]),
        ("requests", "requests", requests, [float(cost.requests) for cost in costs]),
        ("dependent rounds", "rounds", rounds, [float(cost.rounds) for cost in costs]),
    ):
        report("remote", f"{name}, {case}", f"{metric}, mean", float(np.mean(values)), unit, asked)
        report("remote", f"{name}, {case}", f"{metric}, p95", float(np.percentile(values, 95)), unit)
    for part in dict.fromkeys(part for cost in costs for part, size in cost.parts.items() if size):
        report("remote", f"{name}, {case}", f"bytes of {part}, mean", float(np.mean([cost.parts[part] for cost in costs])) / 1000, "kB")


def sessions(name: str, open_store: Callable[[], Recorded], queries: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The figures of the sessions; what each query found."""
    asked = list(queries.items())
    first, further, answers = [], [], []
    for start in range(0, len(asked), SESSION):
        some = asked[start : start + SESSION]
        found = asyncio.run(session(open_store(), [(query, {}) for _, query in some]))
        answers += [(qid, answer) for (qid, _), (_, answer) in zip(some, found, strict=True)]
        first.append(found[0][0])
        further += [cost for cost, _ in found[1:]]
    say(f"remote: {name}: {len(first)} sessions")
    for at, (case, costs) in enumerate((("first query", first), ("further query", further))):
        tell(name, case, costs, ASKED_KB[name][at], ASKED_REQUESTS[at], ASKED_ROUNDS[at])
    return answers


def features(name: str, open_store: Callable[[], Recorded], queries: dict[str, str]) -> None:
    """What each feature reads beyond what its query has read without it; of the queries that begin a session."""
    wrong = dict(mistyped(queries))
    begin = [(qid, query) for qid, query in list(queries.items())[::SESSION] if qid in wrong and " " in query.strip()]
    made: dict[str, Callable[[str, str], tuple[str, dict[str, Any]]]] = {
        TYPO: lambda qid, _: (wrong[qid], {}),
        "phrase of the first two words": lambda _, query: ('"' + " ".join(query.split()[:2]) + '"', {}),
        "first word in the title": lambda _, query: (f"title:{query.split()[0]} {query}", {}),
        "without a word": lambda _, query: (f"{query} -library", {}),
        "first three letters of the last word": lambda _, query: (" ".join([*query.split()[:-1], query.split()[-1][:3]]), {"typing": True}),
        "three filters": lambda _, query: (query, {"filter": FILTER}),
        "two facets": lambda _, query: (query, {"facets": FACETS}),
        "sorted by size": lambda _, query: (query, {"sort": [{"field": "size"}]}),
    }
    for feature, make in made.items():
        try:
            costs = [asyncio.run(session(open_store(), [(query, {}), make(qid, query)]))[1][0] for qid, query in begin]
        except Unsupported as refusal:
            say(f"remote: {name}: {feature}: {refusal.message}")
            continue
        tell(name, feature, costs, None, None, None)
        if feature == TYPO:
            kb = [sum(size for part, size in cost.parts.items() if part not in ANSWER) / 1000 for cost in costs]
            report("remote", f"{name}, {feature}", "bytes besides those of an answer, mean", float(np.mean(kb)), "kB", ASKED_TYPO_KB)
            report("remote", f"{name}, {feature}", "bytes besides those of an answer, p95", float(np.percentile(kb, 95)), "kB", ASKED_TYPO_KB)


def relevance(folder: Path, queries: dict[str, str], answers: list[tuple[str, dict[str, Any]]]) -> None:
    """nDCG@10 of what the sessions found, beside that of the same collection read whole."""
    judged = (line.split("\t") for line in lines(f"{SETS[JUDGED].queries}.qrels.tsv.gz"))
    relevant = [ir_measures.Qrel(qid, document, int(grade)) for qid, _, document, grade in judged if qid in queries]
    run = [ir_measures.ScoredDoc(qid, hit["id"], hit["score"]) for qid, answer in answers for hit in answer["hits"]]
    found = float(ir_measures.calc_aggregate([nDCG @ 10], relevant, run)[nDCG @ 10])
    whole = searched(JUDGED, folder, queries, "both", "--encoder", "static", "--pieces", str(TABLE))["nDCG@10"]
    case = f"{JUDGED}, both, {len(queries)} queries"
    report("remote", case, "nDCG@10 beside all planes loaded", found, "share", whole, digits=4)
    report("remote", case, "share of the nDCG@10 of all planes loaded", found / whole, "share", ASKED_SHARE, digits=4)


def measure(name: str) -> None:
    """The figures of one set."""
    folder, queries = published(name), sampled(JUDGED)
    known = sections(folder)
    sizes(name, folder, known)
    with served(folder) as address:

        def open_store() -> Recorded:
            return Recorded(address, known)

        answers = sessions(name, open_store, queries)
        if name == JUDGED:
            relevance(folder, queries, answers)
        features(name, open_store, queries)


def main() -> None:
    """The sets that were named, or all."""
    for name in chosen(DOCUMENTS):
        measure(name)


if __name__ == "__main__":
    main()
