"""Bands over every backend: what is learned of a collection, and what a search then says of its hits.

Invariant under test: calibrated files are equal bytes on all backends built from the Rust core, and every hit has the band of its
score; titles and ids come first on these and in the reference.
"""

import json

import pytest

from conftest import RUST
from findling.engine import encode, inspect
from test_contract import ask

TEXTS = [
    "a grinning face",
    "boats in a calm harbour",
    "cake with candles",
    "a rocket on its way to the moon",
    "rain and thunder",
    "the red car of my neighbour",
    "bread, butter and cheese",
    "a doctor with a mask",
]
RUST_ONLY = pytest.mark.parametrize("backend", RUST, indirect=True, scope="session")


def fill(engine, index):
    documents = [
        {"id": f"d{number}", "fields": {"title": text}, "language": "en", "passages": [text], "record": number}
        for number, text in enumerate(TEXTS)
    ]
    ask(engine, "open", {"index": index})
    ask(engine, "add", {"index": index, "documents": documents})


@RUST_ONLY
def test_what_is_learned_is_the_same_and_every_hit_has_the_band_of_its_score(engine, native):
    files = []
    for own, name in ((native, "bands of native"), (engine, "bands")):
        fill(own, name)
        files.append(bytes(own.dump(encode({"index": name, "calibrate": True}))))
    assert files[0] == files[1]
    bands = inspect(files[0])["meta"]["bands"]
    for query in ("a boat", "cheese", "quantum chromodynamics"):
        for plan, (fair, strong) in (
            ({"text": query, "words": {"text": query}}, bands["model"]["both"]),
            ({"text": query}, bands["model"]["meaning"]),
            ({"words": {"text": query}}, bands["words"]),
        ):
            reply = ask(engine, "search", {"index": "bands", **plan})
            for hit in reply["hits"]:
                assert hit["band"] == ("strong" if hit["score"] >= strong else "fair" if hit["score"] >= fair else "weak")
            assert reply["close"] == (reply["hits"] != [] and reply["hits"][0]["band"] != "weak")
    for own, name in ((native, "bands of native"), (engine, "bands")):
        ask(own, "close", {"index": name})


def test_a_title_or_an_id_finds_its_document_first(engine):
    fill(engine, "exact")
    try:
        for number, text in enumerate(TEXTS):
            for query in (text, text.upper(), f"d{number}"):
                for legs in ({"text": query}, {"vector": [0.01] * vector_length(engine)}, {}):
                    plan = {"index": "exact", **legs, "words": {"text": query, "correct": True}}
                    hits = ask(engine, "search", plan)["hits"]
                    assert hits[0]["id"] == f"d{number}"
                    assert hits[0]["score"] >= 1
                    assert all(hit["score"] <= 1 for hit in hits[1:])
        # Beginnings and other endings are no title.
        hits = ask(engine, "search", {"index": "exact", "words": {"text": "a grinning faces"}})["hits"]
        assert hits[0]["id"] == "d0" and hits[0]["score"] <= 1
    finally:
        ask(engine, "close", {"index": "exact"})


def vector_length(engine):
    return json.loads(engine.status())["model"]["dim"]
