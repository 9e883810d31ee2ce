"""The contract of filters, facets, sorting, pages, corrections and beginnings as data.

Owns documents with values, plans and expectations. Must not know any backend. Invariant: an expectation states what
docs/guide/filters.md says, never what some engine happened to answer; whole replies are compared with the reference.
"""

from dataclasses import dataclass, field
from typing import Any

from cases_words import both, page, words


def item(id: str, text: str, **values: Any) -> dict[str, Any]:
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return page(id, text) | ({"values": lists} if lists else {})


SHELF = [
    item("atlas", "a book of maps and harbours", kind="book", price=30, date="2021-05-01", path="travel/maps", tags=["sea", "land"]),
    item("chart", "a chart of the harbour", kind="map", price=12.5, date="2023-11-30T08:00:00+02:00", path="travel/maps/sea", tags="sea"),
    item("diary", "the diary of a lighthouse keeper", kind="book", price=8, date="1999", path="stories", tags=["sea", "lonely"]),
    item("novel", "a novel about small boats in a storm", kind="book", price=[8, 15], date="2021-05", path="stories/sea"),
    item("poster", "a poster of boats", kind="picture", price=15, path="travelling"),
    item("stray", "a thing without values about harbours"),
]
EVERYTHING = words("")


@dataclass(frozen=True)
class Shelved:
    """A plan over the shelf; `ids` in their order (or `among`, in any), `total`, `facets`, `corrections` and `cursor` as they have to be."""

    name: str
    plan: dict[str, Any]
    ids: list[str] | None = None
    among: set[str] | None = None
    total: int | None = None
    facets: list[dict[str, Any]] | None = None
    corrections: list[dict[str, str]] = field(default_factory=list)
    cursor: str | None = None
    add: list[list[dict[str, Any]]] = field(default_factory=lambda: [SHELF])
    remove: list[str] = field(default_factory=list)


def passing(filter: dict[str, Any], *ids: str, **more: Any) -> dict[str, Any]:
    """A filter over everything: what it lets pass comes by id."""
    return {"plan": EVERYTHING | {"filter": filter}, "ids": list(ids), "total": len(ids), **more}


def condition(name: str, **keys: Any) -> dict[str, Any]:
    return {"field": name, **keys}


def counts(name: str, *values: tuple[Any, int], distinct: int | None = None, missing: int = 0) -> dict[str, Any]:
    listed = [{"value": value, "count": count} for value, count in values]
    return {"field": name, "values": listed, "distinct": len(listed) if distinct is None else distinct, "missing": missing}


def buckets(name: str, *numbers: int, missing: int = 0) -> dict[str, Any]:
    listed = [{"range": at, "count": count} for at, count in enumerate(numbers)]
    return {"field": name, "values": listed, "distinct": len(listed), "missing": missing}


BOOKS = condition("kind", any=["book"])
BY_PRICE = [{"max": 8}, {"above": 8, "below": 15}, {"min": 15}]

FACETS = [
    Shelved("an empty query matches everything, by id", EVERYTHING, ids=[each["id"] for each in SHELF], total=6),
    Shelved("signs that are no word match nothing", words("?!"), ids=[], total=0),
    Shelved("a keyword", **passing(BOOKS, "atlas", "diary", "novel")),
    Shelved("one of two keywords", **passing(condition("kind", any=["map", "picture", "film"]), "chart", "poster")),
    Shelved("no keyword", **passing(condition("kind", any=[]))),
    Shelved("all of two keywords", **passing(condition("tags", all=["sea", "land"]), "atlas")),
    Shelved("none of two keywords", **passing(condition("tags", none=["land", "lonely"]), "chart", "novel", "poster", "stray")),
    Shelved("any and none", **passing(condition("tags", any=["sea"], none=["land"]), "chart", "diary")),
    Shelved("a keyword is compared byte for byte", **passing(condition("kind", any=["Book"]))),
    Shelved("a number", **passing(condition("price", any=[15]), "novel", "poster")),
    Shelved("a number is no text", **passing(condition("price", any=["15"]))),
    Shelved("a range of numbers", **passing(condition("price", range={"min": 8, "below": 15}), "chart", "diary", "novel")),
    Shelved("a range without an end", **passing(condition("price", range={"above": 12.5}), "atlas", "novel", "poster")),
    Shelved("ranges among keywords", **passing(condition("price", any=[{"max": 8}, 30]), "atlas", "diary", "novel")),
    Shelved("no value in a range", **passing(condition("price", none=[{"min": 15}]), "chart", "diary", "stray")),
    Shelved("a year", **passing(condition("date", range={"min": "2021", "max": "2021"}), "atlas", "novel")),
    Shelved("up to the end of a month", **passing(condition("date", range={"max": "2023-11"}), "atlas", "chart", "diary", "novel")),
    Shelved("after a day", **passing(condition("date", range={"above": "2021-05-01"}), "chart")),
    Shelved("before a moment in another zone", **passing(condition("date", range={"below": "2023-11-30T06:00:01Z", "min": "2023"}), "chart")),
    Shelved("and not before it", **passing(condition("date", range={"below": "2023-11-30T06:00:00Z", "min": "2023"}))),
    Shelved("a level and what lies below it", **passing(condition("path", any=["travel"], tree=True), "atlas", "chart")),
    Shelved("a level further down", **passing(condition("path", any=["travel/maps/sea"], tree=True), "chart")),
    Shelved("a path without its tree", **passing(condition("path", any=["travel"]))),
    Shelved("nothing of a tree", **passing(condition("path", none=["travel", "stories"], tree=True), "poster", "stray")),
    Shelved("a field that is there", **passing(condition("tags", exists=True), "atlas", "chart", "diary")),
    Shelved("a field that is not there", **passing(condition("price", exists=False), "stray")),
    Shelved("a field that no document has", **passing(condition("colour", any=["red"]))),
    Shelved("none of a field that no document has", **passing(condition("colour", none=["red"]), *(each["id"] for each in SHELF))),
    Shelved("two conditions", **passing({"and": [BOOKS, condition("price", range={"below": 15})]}, "diary", "novel")),
    Shelved("one of two conditions", **passing({"or": [condition("kind", any=["map"]), condition("tags", any=["lonely"])]}, "chart", "diary")),
    Shelved("not a condition", **passing({"not": BOOKS}, "chart", "poster", "stray")),
    Shelved("conditions and ids", **passing({"and": [BOOKS, {"not_ids": ["diary"]}, {"or": [{"ids": ["novel", "atlas"]}]}]}, "atlas", "novel")),
    Shelved("a filter and words", words("harbour") | {"filter": BOOKS}, ids=["atlas"], total=1),
    Shelved("a filter and both legs", both("harbours") | {"filter": {"not": BOOKS}}, among={"chart", "poster", "stray"}, total=3),
    Shelved("a filter and meaning", {"text": "boats", "filter": BOOKS}, among={"atlas", "diary", "novel"}, total=3),
    Shelved("values go with their document", **passing(BOOKS, "diary", "novel"), remove=["atlas"]),
    Shelved("and come with its replacement", **passing(BOOKS, "diary", "novel", "stray"), add=[SHELF, [item("stray", "now a book", kind="book"), item("atlas", "a map", kind="map")]]),
    # Facets.
    Shelved("counts of everything", EVERYTHING | {"facets": [{"field": "kind"}]}, total=6, facets=[counts("kind", ("book", 3), ("map", 1), ("picture", 1), missing=1)]),
    Shelved("counts of what matches", words("harbour") | {"facets": [{"field": "kind"}]}, total=3, facets=[counts("kind", ("book", 1), ("map", 1), missing=1)]),
    Shelved("counts are not those of a page", words("harbour", ) | {"limit": 1, "facets": [{"field": "kind"}]}, total=3, facets=[counts("kind", ("book", 1), ("map", 1), missing=1)]),
    Shelved("several values of a document", EVERYTHING | {"facets": [{"field": "tags"}]}, facets=[counts("tags", ("sea", 3), ("land", 1), ("lonely", 1), missing=3)]),
    Shelved("the most frequent values", EVERYTHING | {"facets": [{"field": "tags", "limit": 1}]}, facets=[counts("tags", ("sea", 3), distinct=3, missing=3)]),
    Shelved("values in their order", EVERYTHING | {"facets": [{"field": "tags", "sort": "value"}]}, facets=[counts("tags", ("land", 1), ("lonely", 1), ("sea", 3), missing=3)]),
    Shelved("numbers in their order", EVERYTHING | {"facets": [{"field": "price", "sort": "value"}]}, facets=[counts("price", (8, 2), (12.5, 1), (15, 2), (30, 1), missing=1)]),
    Shelved("the topmost levels", EVERYTHING | {"facets": [{"field": "path", "tree": True}]}, facets=[counts("path", ("stories", 2), ("travel", 2), ("travelling", 1), missing=1)]),
    Shelved("the levels below one", EVERYTHING | {"facets": [{"field": "path", "tree": True, "under": "travel"}]}, facets=[counts("path", ("travel/maps", 2), missing=1)]),
    Shelved("ranges", EVERYTHING | {"facets": [{"field": "price", "ranges": BY_PRICE}]}, facets=[buckets("price", 2, 1, 3, missing=1)]),
    Shelved("ranges of dates", EVERYTHING | {"facets": [{"field": "date", "ranges": [{"max": "2020"}, {"min": "2021", "max": "2021"}]}]}, facets=[buckets("date", 1, 2, missing=2)]),
    Shelved("a field that nobody has is missing everywhere", EVERYTHING | {"facets": [{"field": "colour"}]}, facets=[counts("colour", missing=6)]),
    Shelved(
        "what was picked of a facet is not taken from its own counts",
        EVERYTHING | {"filter": {"and": [BOOKS, condition("price", range={"min": 10})]}, "facets": [{"field": "kind"}, {"field": "price", "ranges": BY_PRICE}]},
        ids=["atlas", "novel"],
        facets=[counts("kind", ("book", 2), ("map", 1), ("picture", 1)), buckets("price", 1, 0, 2)],
    ),
    Shelved(
        "what was picked of the only condition",
        words("harbour") | {"filter": BOOKS, "facets": [{"field": "kind"}, {"field": "tags"}]},
        ids=["atlas"],
        facets=[counts("kind", ("book", 1), ("map", 1), missing=1), counts("tags", ("land", 1), ("sea", 1))],
    ),
    Shelved(
        "a facet over both legs",
        both("harbours") | {"filter": BOOKS, "facets": [{"field": "kind"}], "meaning_k": 1},
        facets=None,
    ),
    Shelved("facets of no documents", EVERYTHING | {"facets": [{"field": "kind"}]}, add=[], ids=[], total=0, facets=[counts("kind")]),
    # Match set, pages and orders.
    Shelved("the best by meaning are in the match set", {"text": "boats", "meaning_k": 2}, total=2),
    Shelved("and beside them what has a word", {"text": ". a novel about small boats in a storm", "words": {"text": "posters"}, "meaning_k": 1}, among={"novel", "poster"}, total=2),
    Shelved("a page", EVERYTHING | {"offset": 2, "limit": 3}, ids=["diary", "novel", "poster"], total=6),
    Shelved("the first of pages", EVERYTHING | {"cursor": "", "limit": 4}, ids=["atlas", "chart", "diary", "novel"], total=6, cursor="100-4"),
    Shelved("the last of pages", EVERYTHING | {"cursor": "100-4", "limit": 4}, ids=["poster", "stray"], total=6),
    Shelved("a page of what the first page was about", {"text": "boats", "cursor": "2-1", "limit": 30}, total=2),
    Shelved("a page beyond the end", EVERYTHING | {"offset": 6}, ids=[], total=6),
    Shelved("a page by score", words("harbour") | {"offset": 1, "limit": 1}, total=3),
    Shelved("a number, ascending", EVERYTHING | {"sort": [{"field": "price"}]}, ids=["diary", "novel", "chart", "poster", "atlas", "stray"]),
    Shelved("a number, descending", EVERYTHING | {"sort": [{"field": "price", "order": "desc"}]}, ids=["atlas", "novel", "poster", "chart", "diary", "stray"]),
    Shelved("a date, the newest first", EVERYTHING | {"sort": [{"field": "date", "order": "desc"}]}, ids=["chart", "atlas", "novel", "diary", "poster", "stray"]),
    Shelved("two fields", EVERYTHING | {"sort": [{"field": "kind"}, {"field": "price", "order": "desc"}]}, ids=["atlas", "novel", "diary", "chart", "poster", "stray"]),
    Shelved("a page of what was sorted", EVERYTHING | {"sort": [{"field": "price"}], "offset": 1, "limit": 2}, ids=["novel", "chart"], total=6),
    Shelved("words that are sorted", words("harbour") | {"sort": [{"field": "price"}]}, ids=["chart", "atlas", "stray"], total=3),
    Shelved("meaning that is sorted", {"text": "harbour", "sort": [{"field": "price"}], "limit": 2}, ids=["diary", "novel"], total=6),
    Shelved("a field that nobody has sorts by id", EVERYTHING | {"sort": [{"field": "colour", "order": "desc"}]}, ids=[each["id"] for each in SHELF]),
    # Corrections and beginnings.
    Shelved("a letter too many", words("lightthouse", correct=True), ids=["diary"], corrections=[{"from": "lightthouse", "to": "lighthouse"}]),
    Shelved("a letter missing", words("posteer lighthose", correct=True), among={"poster", "diary"}, corrections=[{"from": "posteer", "to": "poster"}, {"from": "lighthose", "to": "lighthouse"}]),
    Shelved("two letters swapped, for both legs", both("lighthuose", ) | {"words": {"text": "lighthuose", "correct": True}}, corrections=[{"from": "lighthuose", "to": "lighthouse"}]),
    Shelved("an error is searched for as it is when that is asked for", words("lightthouse"), ids=[]),
    Shelved("a word that some document has is not corrected", words("chart", correct=True), ids=["chart"]),
    Shelved("nor is another form of one", words("charting", correct=True), ids=["chart"]),
    Shelved("nor a short word, a number or what nothing is near", words("mpa 1998 xylophone", correct=True), ids=[]),
    Shelved("nor what the model has learned as a word", words("bottles", correct=True), add=[[item("a", "battles"), item("b", "bottlex")]], ids=[]),
    Shelved("what stands around a correction stays", words("“Harbourr”, please!", correct=True), total=3, corrections=[{"from": "harbourr", "to": "harbours"}]),
    Shelved("of several words the most frequent is meant", words("baot", correct=True), add=[[item("a", "boat"), item("b", "boat"), item("c", "bait baat")]], ids=["a", "b"], corrections=[{"from": "baot", "to": "boat"}]),
    Shelved("of equally frequent ones the bytewise least", words("cott", correct=True), add=[[item("a", "cots"), item("b", "cotn")]], ids=["b"], corrections=[{"from": "cott", "to": "cotn"}]),
    Shelved("the beginning of a word", words("ligh", typing=True), ids=["diary"]),
    Shelved("a beginning is not looked for when it is not typed", words("ligh"), ids=[]),
    Shelved("a blank ends a word", words("ligh ", typing=True), ids=[]),
    Shelved("a beginning counts as one word", words("small po", typing=True), among={"novel", "poster"}, total=2),
    Shelved("a word and its own other forms", words("harbours", typing=True), total=3),
    Shelved("a beginning is not corrected", words("poste", typing=True, correct=True), ids=["poster"]),
    Shelved("but a word before it is", words("smlal poste", typing=True, correct=True), among={"novel", "poster"}, corrections=[{"from": "smlal", "to": "small"}]),
    Shelved("what nothing begins like is corrected", words("lightthou", typing=True, correct=True), ids=[]),
]

REFUSED = [
    {"filter": {"field": "kind"}},
    {"filter": {"field": "kind", "any": "book"}},
    {"filter": {"field": "kind", "some": ["book"]}},
    {"filter": {"and": [{}]}},
    {"filter": {"field": "price", "range": {"min": 1, "max": "2021"}}},
    {"filter": {"field": "price", "range": {"min": "soon"}}},
    {"facets": [{"field": "kind", "limit": 0}]},
    {"facets": [{"field": "kind", "under": "a"}]},
    {"facets": {"field": "kind"}},
    {"sort": [{"field": "kind", "order": "down"}]},
    {"sort": "kind"},
    {"offset": -1},
    {"cursor": "1"},
    {"cursor": "100-1", "offset": 1},
    {"meaning_k": 0},
    {"words": {"text": "x", "typing": 1}},
]
