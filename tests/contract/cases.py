"""The contract of an engine as data: what is added, what is asked, and what every backend has to answer.

Owns texts, plans and expectations. Must not know any backend. Invariant: an expectation states what the contract says,
never what some engine happened to answer.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WORDS = "harbour lighthouse keeper sings small boat floats calm water anchor holds ship place storm wind sail rope".split()


def document(id: str, *passages: str, **record: Any) -> dict[str, Any]:
    return {"id": id, "passages": list(passages), "record": record}


BOAT = document("boat", "a small boat floats on calm water", title="Boat")
KEEPER = document("keeper", "the lighthouse keeper sings in the storm", title="Keeper", meta={"glyph": "🗼", "n": [1, 2.5, None, True]})
ANCHOR = document("anchor", "an anchor holds the ship in its place")
LONG = document("long", "wind and sail", "rope and mast", "a whale under the water", title="Long")
HARBOUR = [BOAT, KEEPER, ANCHOR, LONG]


def crowd(count: int) -> list[dict[str, Any]]:
    """Documents of three words each, every one another triple: enough of them for whole and partial blocks of a scan."""
    size = len(WORDS)
    return [
        document(f"d{number}", " ".join(WORDS[(number * step + number // size * shift) % size] for step, shift in ((1, 0), (5, 3), (7, 11))))
        for number in range(count)
    ]


@dataclass(frozen=True)
class Case:
    """Documents added in steps, ids removed, a plan without its index; `first` is the id that must lead, `ids` the whole answer."""

    name: str
    plan: dict[str, Any]
    add: list[list[dict[str, Any]]] = field(default_factory=lambda: [HARBOUR])
    remove: list[str] = field(default_factory=list)
    first: str | None = None
    ids: list[str] | None = None
    among: set[str] | None = None
    count: int | None = None
    passage: int | None = None
    record: dict[str, Any] | None = None


def same(text: str, **plan: Any) -> dict[str, Any]:
    return {"text": text, **plan}


CASES = [
    Case("a document is nearest to its own text", same("a small boat floats on calm water"), first="boat", count=4),
    Case("a record comes back as it was given", same("the lighthouse keeper sings in the storm"), first="keeper", record=KEEPER["record"]),
    Case("the best passage stands for its document", same("a whale under the water"), first="long", passage=2),
    Case("an empty index gives no hits", same("anything"), add=[], ids=[]),
    Case("limit bounds the hits", same("boat", limit=2), count=2),
    Case("a limit above the number of documents gives all", same("boat", limit=1000), count=4),
    Case("ten hits are the default", same("boat"), add=[crowd(40)], count=10),
    Case("a filter of ids keeps only those", same("boat", filter={"ids": ["anchor", "long", "nowhere"]}), among={"anchor", "long"}, count=2),
    Case("a filter of no ids keeps nothing", same("boat", filter={"ids": []}), ids=[]),
    Case("a filter takes ids out", same("boat", filter={"not_ids": ["boat", "nowhere"]}), among={"anchor", "long", "keeper"}, count=3),
    Case("equal scores rank by id, bytewise", same("boat"), add=[[document(id, "boat") for id in ("b", "a", "é", "C", "z")]], ids=["C", "a", "b", "z", "é"]),
    Case(
        "equal passages give the first of them",
        same("boat", filter={"ids": ["x"]}),
        add=[[document("x", "boat", "boat", "ship")]],
        ids=["x"],
        passage=0,
    ),
    Case("a removed document is not found", same("a small boat floats on calm water"), remove=["boat"], among={"anchor", "long", "keeper"}, count=3),
    Case("after all are removed nothing is found", same("boat"), remove=["boat", "keeper", "anchor", "long"], ids=[]),
    Case(
        "a replaced document answers with its new text and record",
        same("a whale swims"),
        add=[HARBOUR, [document("boat", "a whale swims", title="Whale")]],
        first="boat",
        record={"title": "Whale"},
        count=4,
    ),
    Case("a replaced document keeps its place among equals", same("boat"), add=[[document(id, "boat") for id in "abc"], [document("a", "boat")]], ids=["a", "b", "c"]),
    Case("a removed document can be added again", same("boat"), add=[HARBOUR, [BOAT]], remove=["nowhere"], count=4),
    Case("a weight scales the scores and keeps the order", same("calm water", weights={"meaning": 0.5}), first="boat", count=4),
    Case("a text of unknown letters is searched too", same("ᚠᛇᚻ 𝄞 🜁"), count=4),
    Case("a long query is cut, not refused", same("calm water " * 500), count=4),
    Case("more like a document leaves it out", {"like": "boat"}, count=3, among={"keeper", "anchor", "long"}),
    Case("more like a document finds its twin first", {"like": "boat"}, add=[[*HARBOUR, document("twin", "small boats float on calm waters")]], first="twin", count=4),
    Case("more like a document of several passages", {"like": "long", "limit": 2}, count=2),
    Case("more like the only document finds nothing", {"like": "boat"}, add=[[BOAT]], ids=[]),
    Case("more like a document among some", {"like": "boat", "filter": {"ids": ["boat", "anchor"]}}, ids=["anchor"]),
    *(Case(f"a scan of {count} rows finds the one", same("lighthouse wind harbour", limit=count), add=[crowd(count)], count=count) for count in (1, 16, 17, 257)),
]

# Requests that every backend refuses: name, method, request, code. The index `known` is open and holds HARBOUR.
REFUSED: list[tuple[str, str, Any, str]] = [
    ("no JSON", "search", b"{", "bad_request"),
    ("no object", "search", b"[]", "bad_request"),
    ("no UTF-8", "search", b'{"index":"\xff"}', "bad_request"),
    ("an unknown key", "search", {"index": "known", "text": "x", "k": 5}, "bad_request"),
    ("no query", "search", {"index": "known"}, "bad_request"),
    ("words of another kind", "search", {"index": "known", "words": "boat"}, "bad_request"),
    ("words with an unknown key", "search", {"index": "known", "words": {"text": "boat", "or": []}}, "bad_request"),
    ("a phrase without a text", "search", {"index": "known", "words": {"phrases": [{"field": "title"}]}}, "bad_request"),
    ("a phrase in an unknown field", "search", {"index": "known", "words": {"phrases": [{"text": "x", "field": "body"}]}}, "bad_request"),
    ("a word in no field", "search", {"index": "known", "words": {"in": [{"text": "x"}]}}, "bad_request"),
    ("a weight below nothing", "search", {"index": "known", "text": "x", "words": {"text": "x"}, "weights": {"words": -1}}, "bad_request"),
    ("no weight at all", "search", {"index": "known", "text": "x", "words": {"text": "x"}, "weights": {"meaning": 0, "words": 0}}, "bad_request"),
    ("a document with an unknown field", "add", {"index": "known", "documents": [{"id": "x", "fields": {"body": "x"}, "passages": ["x"], "record": {}}]}, "bad_request"),
    ("a language that is none", "add", {"index": "known", "documents": [{"id": "x", "language": "english!", "passages": ["x"], "record": {}}]}, "bad_request"),
    ("text and vector", "search", {"index": "known", "text": "x", "vector": [1.0]}, "bad_request"),
    ("text and a document", "search", {"index": "known", "text": "x", "like": "boat"}, "bad_request"),
    ("more like a document that is not there", "search", {"index": "known", "like": "nowhere"}, "not_found"),
    ("a wrong type", "search", {"index": "known", "text": 5}, "bad_request"),
    ("an unknown leg", "search", {"index": "known", "text": "x", "weights": {"sparse": 1.0}}, "bad_request"),
    ("a negative limit", "search", {"index": "known", "text": "x", "limit": -1}, "bad_request"),
    ("both filters at once with wrong types", "search", {"index": "known", "text": "x", "filter": {"ids": "boat"}}, "bad_request"),
    ("an index that is not open", "search", {"index": "unknown", "text": "x"}, "not_found"),
    ("adding to an index that is not open", "add", {"index": "unknown", "documents": []}, "not_found"),
    ("removing from an index that is not open", "remove", {"index": "unknown", "ids": []}, "not_found"),
    ("records of an index that is not open", "records", {"index": "unknown"}, "not_found"),
    ("dumping an index that is not open", "dump", {"index": "unknown"}, "not_found"),
    ("closing an index that is not open", "close", {"index": "unknown"}, "not_found"),
    ("a vector of another length", "search", {"index": "known", "vector": [1.0, 2.0]}, "wrong_dim"),
    ("a vector of another model", "search", {"index": "known", "vector": [1.0] * 128, "space": "0" * 64}, "wrong_space"),
    ("a vector of zeros", "search", {"index": "known", "vector": [0.0] * 128}, "bad_input"),
    ("a document without passages", "add", {"index": "known", "documents": [{"id": "x", "passages": [], "record": {}}]}, "bad_input"),
    ("a document without an id", "add", {"index": "known", "documents": [{"passages": ["x"], "record": {}}]}, "bad_request"),
    ("an unknown kind of text", "embed", {"texts": ["x"], "kind": "poem"}, "bad_request"),
]

# What `add_vectors` refuses: name, changes to a good request, what is done to its vector's bytes, code.
REFUSED_VECTORS: list[tuple[str, dict[str, Any], Callable[[bytes], bytes], str]] = [
    ("vectors of another model", {"space": "0" * 64}, bytes, "wrong_space"),
    ("vectors of no model", {"space": ""}, bytes, "bad_request"),
    ("a shorter vector", {}, lambda row: row[:-4], "wrong_dim"),
    ("half a number", {}, lambda row: row[:-2], "bad_request"),
    ("no vector", {}, lambda row: b"", "bad_request"),
    ("two vectors for one passage", {}, lambda row: row + row, "wrong_dim"),
    ("a vector without a document", {"documents": []}, bytes, "bad_request"),
    ("a document without passages", {"documents": [document("x")]}, lambda row: b"", "bad_input"),
    ("a number that is not finite", {}, lambda row: struct.pack("<f", float("nan")) + row[4:], "bad_input"),
    ("a vector of zeros", {}, lambda row: bytes(len(row)), "bad_input"),
    ("an index that is not open", {"index": "unknown"}, bytes, "not_found"),
    ("an unknown key", {"dim": 128}, bytes, "bad_request"),
]
