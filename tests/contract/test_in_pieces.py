"""Published collections read in pieces, over every backend and the reference: words, phrases, meaning, filters, facets, corrections, highlights.

Invariant under test: read in the ranges it asks for, none of them twice, a collection answers what the reference does at the precision of
impacts; a backend that has all of it scores words alike; backends built from the Rust core write the same files and give equal replies.
"""


import numpy as np
import pytest

import cases
import cases_facets
import cases_words
from cases import Case
from conftest import RUST, TIERS, reference_of
from findling.engine import encode, inspect, load
from findling.pieces import project
from hosts import start
from test_contract import agree, ask, fill, supply

POINTER = "c/collection.findling"
# Read in pieces, a beginning stands for words from its third letter on.
BEGINS_TOO_EARLY = "a beginning counts as one word"
# Long and short texts with each word once or often, so that postings of all levels differ within each.
MANY = [
    cases_facets.item(f"m{number:02}", " ".join(cases.WORDS[(number * at + at * at) % (3 + number % 14)] for at in range(2 + number * 7 % 41)), size=number % 9)
    for number in range(70)
]
MORE = [
    Case("many documents by words", cases_words.words("small boat harbour keeper") | {"limit": 70}, add=[MANY]),
    Case("many documents by words, sorted and narrowed", cases_words.words("boats in storms", **{"not": [cases_words.phrase("small boat")]}) | {"sort": [{"field": "size"}], "limit": 40}, add=[MANY]),
    Case("many documents by words and meaning", cases_words.both("a keeper sings in the storm") | {"limit": 70, "facets": [{"field": "size"}]}, add=[MANY]),
    Case("many documents without some", cases_words.words("lighthouse boat", phrases=[cases_words.phrase("harbour lighthouse")]), add=[MANY], remove=["m03", "m50"]),
    Case("a beginning of three letters", cases_words.words("small pos", typing=True), add=[cases_facets.SHELF]),
    Case("a word of two stems", cases_words.words("häusern boat"), add=[[*cases_words.GERMAN, *cases_words.PAGES]]),
    Case("both legs over passages", cases_words.both("a whale, word7"), add=[[cases_words.long("a", 300, 1), cases_words.long("b", 90, 2), *cases_words.PAGES]]),
]
NAMED = {case.name: case for case in [*cases.CASES, *cases_words.WORDS, *cases_facets.FACETS, *MORE]}
CASES = {name: case for name, case in NAMED.items() if case.add and name != BEGINS_TOO_EARLY}
RUST_ONLY = pytest.mark.parametrize("backend", RUST, indirect=True, scope="session")


@pytest.fixture(scope="session")
def publisher(model, pieces):
    engine = load()
    engine.load_model(model)
    engine.load_pieces(pieces)
    return engine


@pytest.fixture(scope="session")
def reader(backend, model, pieces, publisher):
    """An engine of the backend that has the piece table too."""
    if backend == "native":
        yield publisher
        return
    process = start(TIERS, backend)
    process.engine.load_model(model)
    process.engine.load_pieces(pieces)
    yield process.engine
    process.close()


@pytest.fixture(scope="session")
def oracle(model, native, pieces):
    """The reference with the projection of the piece table."""
    parts = {each["name"]: pieces[each["offset"] : each["offset"] + each["length"]] for each in inspect(pieces)["sections"]}
    scales = np.frombuffer(parts["projection.scale"], "<f4")
    projection = np.frombuffer(parts["projection"], np.int8).reshape(len(scales), -1)
    return reference_of(model, native, lambda vector: project(vector[None], projection, scales)[0])


def written(engine, case):
    """The files that an engine makes of the documents of a case."""
    fill(engine, "made", case)
    try:
        answer = bytes(engine.publish(encode({"index": "made"})))
    finally:
        ask(engine, "close", {"index": "made"})
    end = 4 + int.from_bytes(answer[:4], "big")
    (segment,) = inspect(answer[4:end])["meta"]["segments"]
    return {POINTER: answer[4:end], f"c/{segment['file']}": answer[end:]}


@pytest.fixture(scope="session")
def files_of(publisher):
    """The files of each case, made once."""
    made = {}

    def files(case):
        if case.name not in made:
            made[case.name] = written(publisher, case)
        return made[case.name]

    return files


def replied(engine, files, plan, *, whole=False):
    """What a collection of these files answers, and the ranges that it asked for after it was open."""
    supply(engine, "open", {"index": "read", "file": POINTER, "length": len(files[POINTER]), "whole": whole}, files)
    try:
        return supply(engine, "search", {"index": "read", **plan}, files)
    finally:
        ask(engine, "close", {"index": "read"})


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_pieces_answer_what_the_reference_does(reader, oracle, files_of, name):
    case = CASES[name]
    files = files_of(case)
    found, _ = replied(reader, files, case.plan)
    fill(oracle, name, case)
    expected = ask(oracle, "search", {"index": name, "precision": "impacts", **case.plan})
    ask(oracle, "close", {"index": name})
    hits, wanted = found.pop("hits"), expected.pop("hits")
    told = ("total", "exact", "facets", "corrections", "cursor")
    assert {key: found.get(key) for key in told} == {key: expected.get(key) for key in told}
    agree(hits, wanted, "record")


@RUST_ONLY
@pytest.mark.parametrize("name", CASES)
def test_the_backends_read_the_same_ranges_and_give_equal_replies(reader, publisher, files_of, name):
    files, plan = files_of(CASES[name]), CASES[name].plan
    assert replied(reader, files, plan) == replied(publisher, files, plan)


@RUST_ONLY
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.plan.keys() & {"text", "vector", "like"}])
def test_words_have_the_same_scores_where_all_is_at_hand(reader, files_of, name):
    files, plan = files_of(CASES[name]), CASES[name].plan
    pieces, _ = replied(reader, files, plan)
    assert replied(reader, files, plan | {"precision": "impacts"}, whole=True) == (pieces, [])


@RUST_ONLY
def test_a_search_while_another_waits_for_bytes_and_that_one_after_it_find_what_each_finds_alone(reader, files_of):
    files = files_of(Case("turns", {}, add=[MANY]))
    first, second = ({"index": "read", **cases_words.both(text), "limit": 20} for text in ("a keeper sings in the storm", "small boats on calm water"))
    alone = [replied(reader, files, plan)[0] for plan in (first, second)]
    assert [each["encoder"] for each in alone] == ["model", "model"]
    supply(reader, "open", {"index": "read", "file": POINTER, "length": len(files[POINTER])}, files)
    assert ask(reader, "search", first)["need"]
    meanwhile, _ = supply(reader, "search", second, files)
    after, _ = supply(reader, "search", first, files)
    ask(reader, "close", {"index": "read"})
    assert [after, meanwhile] == alone


@RUST_ONLY
def test_without_model_and_table_a_query_is_encoded_by_the_words_of_the_collection(backend, reader, files_of):
    case = Case("encoded", cases_words.both("small boats on calm water"), add=[cases_words.PAGES])
    files = files_of(case)
    plan = case.plan | {"encoder": "static"}
    by_table, asked = replied(reader, files, plan)
    bare = load() if backend == "native" else (host := start(TIERS, backend)).engine
    by_words, read = replied(bare, files, plan)
    if backend != "native":
        host.close()
    assert (by_words, read) == (by_table, asked)
    assert by_words["encoder"] == "static"
    assert by_words["hits"][0]["id"] == "boat" and len(by_words["hits"]) == 4


@RUST_ONLY
def test_what_was_searched_for_is_marked_in_the_languages_of_the_collection(reader, files_of):
    files = files_of(Case("marked", {}, add=[[*cases_words.GERMAN, *cases_words.PAGES]]))
    supply(reader, "open", {"index": "read", "file": POINTER, "length": len(files[POINTER])}, files)
    shown = ask(reader, "snippets", {"index": "read", "items": [{"title": "Haus, boat, Boote"}], "query": {"text": "Häusern boats"}})
    ask(reader, "close", {"index": "read"})
    marked = [piece["text"] for piece in shown["items"][0]["title"] if piece["hit"]]
    assert marked == ["Haus", "boat"]


@RUST_ONLY
def test_the_backends_publish_equal_files(reader, publisher):
    case = Case("published", {}, add=[[*cases.HARBOUR, *cases.crowd(90)], [cases_words.long("long", 300, 1), *cases_facets.SHELF]], remove=["d7"])
    assert written(reader, case) == written(publisher, case)
