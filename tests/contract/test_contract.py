"""One table of cases over every backend of the engine and the reference.

Invariant under test: backends built from the Rust core give equal ids and equal scores; the reference, which multiplies
the same codes in f64, differs by at most 1e-5, and hits that are nearer to each other than that may swap.
"""

import json

import numpy as np
import pytest

import cases
import cases_words
from conftest import RUST
from findling.engine import encode
from findling.errors import FindlingError

TOLERANCE = 1e-5
# The reference is an oracle for good requests; it has neither a tokenizer nor the container.
RUST_ONLY = pytest.mark.parametrize("backend", RUST, indirect=True, scope="session")
CASES = {case.name: case for case in [*cases.CASES, *cases_words.WORDS]}


def ask(engine, method, request):
    """The reply of an engine that has all the bytes it wants."""
    return json.loads(getattr(engine, method)(request if isinstance(request, bytes) else encode(request)))


def fill(engine, index, case):
    ask(engine, "open", {"index": index})
    for documents in case.add:
        ask(engine, "add", {"index": index, "documents": documents})
    if case.remove:
        ask(engine, "remove", {"index": index, "ids": case.remove})


def hits_of(engine, case):
    fill(engine, case.name, case)
    try:
        return ask(engine, "search", {"index": case.name, **case.plan})["hits"]
    finally:
        ask(engine, "close", {"index": case.name})


def agree(found, expected, *same):
    """Asserts that hits have the expected scores, order and legs within the tolerance, and equal values of the keys in `same`."""
    assert [hit["score"] for hit in found] == pytest.approx([hit["score"] for hit in expected], abs=TOLERANCE)
    scores = {hit["id"]: hit["score"] for hit in expected}
    for hit, wanted in zip(found, expected, strict=True):
        if hit["id"] != wanted["id"]:
            # Another document in this place must be as good; at the end of the list it may be one the other cut off.
            assert abs(scores.get(hit["id"], hit["score"]) - wanted["score"]) <= TOLERANCE
        else:
            assert [hit[key] for key in same] == [wanted[key] for key in same]
            assert hit["legs"] == pytest.approx(wanted["legs"], abs=TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_search_keeps_the_contract(engine, name):
    case = CASES[name]
    hits = hits_of(engine, case)
    ids = [hit["id"] for hit in hits]
    assert len(set(ids)) == len(ids)
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    if case.ids is not None:
        assert ids == case.ids
    if case.first is not None:
        assert ids[0] == case.first
    if case.among is not None:
        assert set(ids) <= case.among
    if case.count is not None:
        assert len(ids) == case.count
    if case.passage is not None:
        assert hits[0]["passage"] == case.passage
    if case.record is not None:
        assert hits[0]["record"] == case.record


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_search_agrees_with_the_reference(engine, reference, name):
    expected = hits_of(reference, CASES[name])
    agree(hits_of(engine, CASES[name]), expected, "passage", "record")


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_the_rust_backends_give_equal_hits(engine, native, name):
    assert hits_of(engine, CASES[name]) == hits_of(native, CASES[name])


@RUST_ONLY
@pytest.mark.parametrize(("method", "request_", "code"), [row[1:] for row in cases.REFUSED], ids=[row[0] for row in cases.REFUSED])
def test_a_bad_request_is_refused_with_its_code_and_changes_nothing(engine, method, request_, code):
    ask(engine, "open", {"index": "known"})
    ask(engine, "add", {"index": "known", "documents": cases.HARBOUR})
    before = engine.dump(encode({"index": "known"}))
    try:
        with pytest.raises(FindlingError) as caught:
            getattr(engine, method)(request_ if isinstance(request_, bytes) else encode(request_))
        assert (caught.value.code, bool(caught.value.message)) == (code, True), caught.value.message
        assert engine.dump(encode({"index": "known"})) == before
    finally:
        ask(engine, "close", {"index": "known"})


@RUST_ONLY
def test_an_explanation_adds_up_to_the_score(engine):
    ask(engine, "open", {"index": "told"})
    ask(engine, "add", {"index": "told", "documents": [*cases_words.PAGES, cases_words.long("long", 300, 1)]})
    plan = cases_words.both("small boats and a submarine")
    plain = ask(engine, "search", {"index": "told", **plan})["hits"]
    hits = ask(engine, "search", {"index": "told", **plan, "explain": True})["hits"]
    ask(engine, "close", {"index": "told"})
    assert [(hit["id"], hit["score"]) for hit in hits] == [(hit["id"], hit["score"]) for hit in plain]
    assert "explain" not in plain[0]
    for hit in hits:
        meaning, told = hit["explain"]["meaning"], hit["explain"]["words"]
        assert meaning["contribution"] + told["contribution"] == pytest.approx(hit["score"], abs=1e-6)
        assert sum(term["contribution"] for term in told["terms"]) == pytest.approx(told["contribution"], abs=1e-6)
        assert told["contribution"] == pytest.approx(0.35 * hit["legs"]["words"], abs=1e-6)
        assert meaning["contribution"] == pytest.approx(0.65 * max(0, hit["legs"]["meaning"]), abs=1e-6)
    assert {hit["id"] for hit in hits if "whole" in hit["explain"]["meaning"]} == {"long"}


def test_scores_do_not_depend_on_the_order_of_adding(engine):
    documents = [*cases_words.PAGES, *cases_words.GERMAN, cases_words.page("fr", cases_words.FRENCH), cases_words.long("long", 300, 1), cases_words.BARE]
    answers = []
    for steps in ([documents], [[each] for each in reversed(documents)], [documents[3:], documents[:5]]):
        ask(engine, "open", {"index": "steps"})
        for step in steps:
            ask(engine, "add", {"index": "steps", "documents": step})
        ask(engine, "add", {"index": "steps", "documents": [cases_words.page("gone", "small boats and bateaux")]})
        ask(engine, "remove", {"index": "steps", "ids": ["gone"]})
        answers.append(ask(engine, "search", {"index": "steps", **cases_words.both("small boats häuser")})["hits"])
        ask(engine, "close", {"index": "steps"})
    assert answers[0] == answers[1] == answers[2]


def test_counts_tell_what_was_added_replaced_and_removed(engine):
    ask(engine, "open", {"index": "counts"})
    assert ask(engine, "add", {"index": "counts", "documents": cases.HARBOUR}) == {"added": 4, "replaced": 0, "passages": 6}
    assert ask(engine, "add", {"index": "counts", "documents": [cases.BOAT, cases.document("new", "a", "b")]}) == {
        "added": 1,
        "replaced": 1,
        "passages": 3,
    }
    assert ask(engine, "remove", {"index": "counts", "ids": ["boat", "nowhere", "long"]}) == {"removed": 2}
    counts = json.loads(engine.status())["indexes"]["counts"]
    assert (counts["documents"], counts["passages"]) == (3, 4)
    assert [each["id"] for each in ask(engine, "records", {"index": "counts"})["records"]] == ["keeper", "anchor", "new"]
    assert ask(engine, "records", {"index": "counts", "ids": ["keeper", "nowhere"]})["records"] == [{"id": "keeper", "record": cases.KEEPER["record"]}]
    ask(engine, "close", {"index": "counts"})


def test_status_tells_what_is_held_by_part_and_that_closing_gives_it_back(engine, backend):
    before = json.loads(engine.status())
    assert set(before["size_bytes"]) == {"model", "vectors", "graph", "text", "buffers"}
    documents = [*cases.HARBOUR, *cases.crowd(40)]
    ask(engine, "open", {"index": "held"})
    ask(engine, "add", {"index": "held", "documents": documents})
    full = json.loads(engine.status())
    own = full["indexes"]["held"]["size_bytes"]
    passages = sum(len(each["passages"]) for each in documents)
    assert passages * (full["model"]["dim"] + 4) <= own["vectors"]
    assert sum(len(each["id"]) + len(encode(each["record"])) for each in documents) <= own["text"]
    assert own["graph"] == 0
    assert {part: full["size_bytes"][part] - before["size_bytes"][part] for part in own} == own
    assert full["size_bytes"]["model"] == before["size_bytes"]["model"]
    if backend in ("native", "reference"):
        assert full["memory_bytes"] is None
    else:
        # In pages of 64 KiB, and more than its parts: code's constants and the stack lie there too.
        assert full["memory_bytes"] % 65536 == 0
        assert full["memory_bytes"] > sum(full["size_bytes"].values()) > full["model"]["size_bytes"]
    ask(engine, "close", {"index": "held"})
    after = json.loads(engine.status())["size_bytes"]
    assert {part: after[part] for part in own} == {part: before["size_bytes"][part] for part in own}


def supply(engine, method, request, files):
    """The reply of an engine, given the ranges it asks for; and the ranges."""
    asked = []
    while "need" in (reply := ask(engine, method, request)):
        for need in reply["need"]:
            assert need not in asked, "asked for the same bytes twice"
            asked.append(need)
            engine.provide(need["file"], need["offset"], files[need["file"]][need["offset"] : need["offset"] + need["length"]])
    return reply, asked


def test_a_dumped_index_opens_again_with_the_same_hits(engine):
    documents = [*cases.HARBOUR, *cases.crowd(58), cases_words.KEEPER | {"id": "worded"}, cases_words.long("long words", 201, 1)]
    ask(engine, "open", {"index": "made"})
    ask(engine, "add", {"index": "made", "documents": documents})
    plan = {"text": "the lighthouse keeper", "words": {"text": "the lighthouse keeper", "not": [{"text": "iron"}]}, "limit": 64}
    expected = ask(engine, "search", {"index": "made", **plan})
    dumped = engine.dump(encode({"index": "made", "meta": {"title": "A title"}}))
    state, asked = supply(engine, "open", {"index": "read", "file": "made.findling", "length": len(dumped)}, {"made.findling": dumped})
    assert asked, "a file is read by needs"
    assert (state["documents"], state["passages"], state["meta"]) == (64, 69, {"title": "A title"})
    found, _ = supply(engine, "search", {"index": "read", **plan}, {"made.findling": dumped})
    assert found == expected
    ask(engine, "close", {"index": "made"})
    ask(engine, "close", {"index": "read"})


def test_an_opened_index_takes_changes_and_dumps_again(engine):
    ask(engine, "open", {"index": "made"})
    ask(engine, "add", {"index": "made", "documents": cases.HARBOUR})
    dumped = engine.dump(encode({"index": "made"}))
    ask(engine, "close", {"index": "made"})
    files = {"f": dumped}
    supply(engine, "open", {"index": "read", "file": "f", "length": len(dumped)}, files)
    supply(engine, "add", {"index": "read", "documents": [cases.document("new", "a whale swims")]}, files)
    supply(engine, "remove", {"index": "read", "ids": ["boat"]}, files)
    found, _ = supply(engine, "search", {"index": "read", "text": "a whale swims"}, files)
    assert found["hits"][0]["id"] == "new"
    assert "boat" not in [hit["id"] for hit in found["hits"]]
    ask(engine, "close", {"index": "read"})


@RUST_ONLY
def test_the_rust_backends_dump_equal_bytes(engine, native):
    dumps = []
    for each in (engine, native):
        ask(each, "open", {"index": "dumped"})
        ask(each, "add", {"index": "dumped", "documents": [*cases.HARBOUR, *cases.crowd(100)]})
        ask(each, "remove", {"index": "dumped", "ids": ["d7", "keeper"]})
        dumps.append(each.dump(encode({"index": "dumped", "meta": {"a": 1}})))
        ask(each, "close", {"index": "dumped"})
    assert dumps[0] == dumps[1]


@RUST_ONLY
def test_the_rust_backends_tokenize_and_embed_alike(engine, native):
    texts = ["", "harbour", "A small BOAT, floats… on\tcalm 水 water 🚤", "x" * 300, "calm water " * 200]
    for kind in ("query", "passage"):
        for text in texts:
            request = encode({"text": text, "kind": kind, "max_tokens": None})
            assert engine.tokenize(request) == native.tokenize(request)
        request = encode({"texts": texts, "kind": kind})
        assert engine.embed(request) == native.embed(request)


def embedded(native, documents):
    texts = [text for each in documents for text in each["passages"]]
    return native.embed(encode({"texts": texts, "kind": "passage"}))


def test_ready_vectors_make_the_index_that_their_texts_make(engine, native):
    space = json.loads(engine.status())["model"]["space"]
    ask(engine, "open", {"index": "texts"})
    ask(engine, "open", {"index": "vectors"})
    for documents in (cases.HARBOUR, [], [cases.BOAT, *cases.crowd(20)]):
        by_texts = ask(engine, "add", {"index": "texts", "documents": documents})
        vectors = embedded(native, documents) if documents else b""
        assert json.loads(engine.add_vectors(encode({"index": "vectors", "space": space, "documents": documents}), vectors)) == by_texts
    assert by_texts == {"added": 20, "replaced": 1, "passages": 21}
    assert engine.dump(encode({"index": "vectors"})) == engine.dump(encode({"index": "texts"}))
    ask(engine, "close", {"index": "texts"})
    ask(engine, "close", {"index": "vectors"})


@RUST_ONLY
@pytest.mark.parametrize(("request_", "change", "code"), [row[1:] for row in cases.REFUSED_VECTORS], ids=[row[0] for row in cases.REFUSED_VECTORS])
def test_vectors_that_do_not_fit_are_refused_and_change_nothing(engine, native, request_, change, code):
    space = json.loads(engine.status())["model"]["space"]
    ask(engine, "open", {"index": "known"})
    ask(engine, "add", {"index": "known", "documents": cases.HARBOUR})
    before = engine.dump(encode({"index": "known"}))
    request = {"index": "known", "space": space, "documents": [cases.BOAT], **request_}
    vectors = change(embedded(native, [cases.BOAT]))
    with pytest.raises(FindlingError) as caught:
        engine.add_vectors(encode(request), vectors)
    assert (caught.value.code, bool(caught.value.message)) == (code, True), caught.value.message
    assert engine.dump(encode({"index": "known"})) == before
    ask(engine, "close", {"index": "known"})


def test_a_ready_vector_finds_what_its_text_finds(engine, native):
    ask(engine, "open", {"index": "vectors"})
    ask(engine, "add", {"index": "vectors", "documents": cases.HARBOUR})
    text = "calm water"
    vector = np.frombuffer(native.embed(encode({"texts": [text], "kind": "query"})), "<f4").astype(float).tolist()
    space = json.loads(engine.status())["model"]["space"]
    by_text = ask(engine, "search", {"index": "vectors", "text": text})
    by_vector = ask(engine, "search", {"index": "vectors", "vector": vector, "space": space})
    assert by_vector["hits"] == by_text["hits"]
    ask(engine, "close", {"index": "vectors"})
