"""Documents to records and back, and what of them is found by words and by value.

Invariant under test: a record gives its document back.
"""

import pytest

from findling.documents import Document, Hit, Place, from_fields
from findling.errors import BadInput


def test_a_record_keeps_only_what_is_there():
    assert Document("x", title="a").record([(0, 0)]) == {"title": "a"}
    assert Document("x", text="a b", meta={"n": 1}).record([(0, 1), (2, 3)]) == {"text": "a b", "meta": {"n": 1}, "spans": [[0, 1], [2, 3]]}


@pytest.mark.parametrize(
    "document", [Document("x"), Document("x", "t", "a b", "k", "u", {"n": [1, None]}, ("v", "w"), "2024", (Place(1, ("A",), 2, 3, 4.5),))]
)
def test_a_record_gives_its_document_back(document):
    spans = [(0, 1), (2, 3)]
    hit = Hit.from_answer({"id": "x", "score": 0.5, "passage": 1, "record": document.record(spans)})
    assert hit.document == document
    assert hit.passage_text == document.text[2:3]


def test_what_is_found_by_words_and_what_is_filtered_by():
    fields = {"id": "x", "title": "T", "text": "a", "url": "https://x.y/z", "kind": "k", "tags": "sea,  iron,sea", "date": 2024}
    others = {"size": 7, "open": True, "svg": "<" * 300, "deep": {"a": 1}, "both": ["a", 2, None], "empty": ""}
    document = from_fields({**fields, **others}, "")
    assert document.fields() == {"title": "T", "text": "a", "tags": ["sea", "iron"], "path": "https://x.y/z"}
    assert document.values() == {"size": [7], "open": ["true"], "both": ["a", 2], "kind": ["k"], "tags": ["sea", "iron"], "date": ["2024"]}
    assert Document("y", text="b", meta={"file": "docs/b.txt"}).fields() == {"text": "b", "path": "docs/b.txt"}


@pytest.mark.parametrize("tags", [7, [["a"]], [None], {"a": 1}, ["t"] * 1001])
def test_tags_that_are_no_strings_are_refused(tags):
    with pytest.raises(BadInput):
        from_fields({"id": "x", "text": "a", "tags": tags}, "")
