"""Queries to plans, documents to records.

Invariant under test: any string gives a plan or nothing, and a record gives its document back.
"""

import pytest

from findling.documents import Document, Hit
from findling.query import MAX_CHARS, plan


def test_a_plan_asks_for_meaning_alone():
    assert plan("  fever ", index="a", limit=3) == {"index": "a", "text": "fever", "limit": 3, "weights": {"dense": 1.0}}


@pytest.mark.parametrize("query", ["", " \t\n", "\u2003\u00a0"])
def test_nothing_to_search_for_gives_no_plan(query):
    assert plan(query, index="a") is None


def test_a_query_is_cut_and_ends_with_a_word():
    text = plan("word " * MAX_CHARS, index="a")["text"]
    assert len(text) <= MAX_CHARS
    assert text.endswith(" word")


def test_half_a_character_becomes_a_replacement_character():
    assert plan("a\ud83d", index="a")["text"] == "a\ufffd"


def test_a_record_keeps_only_what_is_there():
    assert Document("x", title="a").record([(0, 0)]) == {"title": "a"}
    assert Document("x", text="a b", meta={"n": 1}).record([(0, 1), (2, 3)]) == {"text": "a b", "meta": {"n": 1}, "spans": [[0, 1], [2, 3]]}


@pytest.mark.parametrize("document", [Document("x"), Document("x", "t", "a b", "k", "u", {"n": [1, None]})])
def test_a_record_gives_its_document_back(document):
    spans = [(0, 1), (2, 3)]
    hit = Hit.from_record("x", 0.5, 1, document.record(spans))
    assert hit.document == document
    assert hit.passage_text == document.text[2:3]
