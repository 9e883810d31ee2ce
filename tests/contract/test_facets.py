"""Filters, facets, sorting, pages, corrections and beginnings over every backend and the reference.

Invariant under test: a reply has the ids, the total and the counts that the guide says, and all of it is what the reference
replies; backends built from the Rust core give equal replies.
"""

import json

import pytest

import cases_facets
from conftest import RUST
from findling.engine import encode
from findling.errors import BadInput, BadRequest
from test_contract import TOLERANCE, ask, fill, supply

CASES = {case.name: case for case in cases_facets.FACETS}
RUST_ONLY = pytest.mark.parametrize("backend", RUST, indirect=True, scope="session")


def reply_of(engine, case):
    fill(engine, case.name, case)
    try:
        return ask(engine, "search", {"index": case.name, **case.plan})
    finally:
        ask(engine, "close", {"index": case.name})


@pytest.mark.parametrize("name", CASES)
def test_a_search_keeps_the_contract(engine, name):
    case = CASES[name]
    reply = reply_of(engine, case)
    ids = [hit["id"] for hit in reply["hits"]]
    assert reply["exact"] is True
    if case.ids is not None:
        assert ids == case.ids
    if case.among is not None:
        assert set(ids) == case.among
    if case.total is not None:
        assert reply["total"] == case.total
    if case.facets is not None:
        assert reply["facets"] == case.facets
    assert reply.get("corrections", []) == case.corrections
    assert reply.get("cursor") == case.cursor


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_a_search_agrees_with_the_reference(engine, reference, name):
    expected, found = reply_of(reference, CASES[name]), reply_of(engine, CASES[name])
    hits, wanted = found.pop("hits"), expected.pop("hits")
    assert found == expected
    assert [(hit["id"], hit["passage"], hit["record"]) for hit in hits] == [
        (hit["id"], hit["passage"], hit["record"]) for hit in wanted
    ]
    for hit, other in zip(hits, wanted, strict=True):
        assert hit["score"] == pytest.approx(other["score"], abs=TOLERANCE)
        assert hit["legs"] == pytest.approx(other["legs"], abs=TOLERANCE)


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_the_rust_backends_give_equal_replies(engine, native, name):
    assert reply_of(engine, CASES[name]) == reply_of(native, CASES[name])


@RUST_ONLY
@pytest.mark.parametrize("plan", cases_facets.REFUSED, ids=json.dumps)
def test_a_malformed_plan_is_refused(engine, plan):
    ask(engine, "open", {"index": "known"})
    with pytest.raises(BadRequest):
        engine.search(encode({"index": "known", "words": {"text": ""}, **plan}))
    ask(engine, "close", {"index": "known"})


@RUST_ONLY
@pytest.mark.parametrize(
    "values",
    [{"": ["x"]}, {"x" * 257: ["x"]}, {"text": ["x" * 4097]}, {"many": [1] * 1001}],
    ids=["no name", "a long name", "a long text", "too many"],
)
def test_values_that_cannot_be_kept_are_refused_and_change_nothing(engine, values):
    ask(engine, "open", {"index": "known"})
    ask(engine, "add", {"index": "known", "documents": cases_facets.SHELF})
    before = engine.dump(encode({"index": "known"}))
    with pytest.raises(BadInput):
        ask(
            engine,
            "add",
            {
                "index": "known",
                "documents": [cases_facets.item("new", "new"), cases_facets.item("bad", "bad") | {"values": values}],
            },
        )
    assert engine.dump(encode({"index": "known"})) == before
    ask(engine, "close", {"index": "known"})


def test_values_come_back_with_the_file(engine):
    ask(engine, "open", {"index": "made"})
    ask(engine, "add", {"index": "made", "documents": cases_facets.SHELF})
    plan = cases_facets.both("harbours") | {
        "filter": cases_facets.BOOKS,
        "facets": [{"field": "kind"}, {"field": "path", "tree": True}],
    }
    expected = ask(engine, "search", {"index": "made", **plan})
    dumped = engine.dump(encode({"index": "made"}))
    ask(engine, "close", {"index": "made"})
    files = {"shelf.findling": dumped}
    supply(engine, "open", {"index": "read", "file": "shelf.findling", "length": len(dumped)}, files)
    assert supply(engine, "search", {"index": "read", **plan}, files)[0] == expected
    ask(engine, "close", {"index": "read"})
