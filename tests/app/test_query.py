"""Queries to plans: what is an operator and what is not.

Invariant under test: any string gives a plan or nothing, and what is no operator is searched as words.
"""

import random

import pytest

from findling.errors import BadRequest
from findling.query import MAX_CHARS, MAX_OPERATORS, plan, read

KNOWN = ("kind", "year", "date", "Colour")


def understood(query):
    """What differs from a query of free words: text, free words, and the operators that there are."""
    found = read(query, KNOWN)
    parts = {"phrases": found.phrases, "in": found.within, "not": found.without, "filter": found.filters}
    return found.text, found.free, {key: held for key, held in parts.items() if held}


@pytest.mark.parametrize(
    "query",
    [
        "fever",
        "a to z",
        "e-mail address",
        "Game Playing: Text",
        "title: the end",
        "the title:",
        "https://example.org/a:b?c=d",
        "http://localhost:8000",
        "12:30 tomorrow",
        "C++ std::vector",
        "text::mining",
        "unknown:word",
        "-",
        "a - b",
        "--help me",
        "27\" monitor or 32\" screen",
        "rock 'n' roll",
        "don't",
        "5\u2032 10\u2033",
        "a: (b) One that",
        "?!",
        "灯台守が歌う",
        "🤒",
        "<script>",
        "\\\"",
    ],
)
def test_what_is_no_operator_is_words(query):
    assert understood(query) == (query, query, {})


@pytest.mark.parametrize("quoted", ['"calm water"', "“calm water”", "„calm water“", "„calm water”", "«calm water»", "»calm water«", "”calm water”", "「calm water」", "『calm water』", "＂calm water＂", '“calm water"', '"calm water”'])
def test_words_in_quotes_of_any_kind_are_a_phrase(quoted):
    assert understood(f"boat {quoted} sea") == ("boat calm water sea", "boat sea", {"phrases": [{"text": "calm water"}]})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"calm water', ("calm water", "calm water", {})),
        ('calm" water', ('calm" water', 'calm" water', {})),
        ('"" calm', ("calm", "calm", {})),
        ('" " calm', ("calm", "calm", {})),
        ("海「灯台」の歌", ("海 灯台 の歌", "海 の歌", {"phrases": [{"text": "灯台"}]})),
        ('("calm water")', ("( calm water )", "( )", {"phrases": [{"text": "calm water"}]})),
        ('"a" "b"c', ("a b c", "c", {"phrases": [{"text": "a"}, {"text": "b"}]})),
        ("fever -cold", ("fever", "fever", {"not": [{"text": "cold"}]})),
        ("fever −cold", ("fever", "fever", {"not": [{"text": "cold"}]})),
        ('fever -"common cold"', ("fever", "fever", {"not": [{"text": "common cold"}]})),
        ("fever -title:cold", ("fever", "fever", {"not": [{"text": "cold", "field": "title"}]})),
        ("海 -灯台", ("海", "海", {"not": [{"text": "灯台"}]})),
        ("-cold", ("cold", "cold", {})),
        ('-cold -"a b"', ("cold a b", "cold", {"phrases": [{"text": "a b"}]})),
        ("title:boat", ("boat", "", {"in": [{"text": "boat", "field": "title"}]})),
        ("Title:boat sea", ("boat sea", "sea", {"in": [{"text": "boat", "field": "title"}]})),
        ("title：boat", ("boat", "", {"in": [{"text": "boat", "field": "title"}]})),
        ('title:"small boat"', ("small boat", "", {"phrases": [{"text": "small boat", "field": "title"}]})),
        ('title:"small boat', ("small boat", "boat", {"in": [{"text": "small", "field": "title"}]})),
        ("url:/docs tag:sea", ("/docs sea", "", {"in": [{"text": "/docs", "field": "path"}, {"text": "sea", "field": "tags"}]})),
        ("title:a:b", ("a:b", "", {"in": [{"text": "a:b", "field": "title"}]})),
    ],
)
def test_operators(query, expected):
    assert understood(query) == expected


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("kind:Bird", {"field": "kind", "any": ["Bird", "bird", "BIRD"], "tree": True}),
        ('kind:"sea bird"', {"field": "kind", "any": ["sea bird", "SEA BIRD", "Sea bird", "Sea Bird"], "tree": True}),
        ("-kind:x", {"field": "kind", "none": ["x", "X"], "tree": True}),
        ("colour:red", {"field": "Colour", "any": ["red", "RED", "Red"], "tree": True}),
        ("year:1999", {"field": "year", "any": ["1999", 1999.0, {"min": "1999", "max": "1999"}], "tree": True}),
        ("year:>=2.5", {"field": "year", "any": [{"min": 2.5}], "tree": True}),
        ("date:<2024-06", {"field": "date", "any": [{"below": "2024-06"}], "tree": True}),
        ("year:3..7", {"field": "year", "any": [{"min": 3.0, "max": 7.0}], "tree": True}),
        ("date:2020..2021-05", {"field": "date", "any": [{"min": "2020", "max": "2021-05"}], "tree": True}),
        ("year:2020..", {"field": "year", "any": [{"min": 2020.0}, {"min": "2020"}], "tree": True}),
        ("kind:>", {"field": "kind", "any": [">"], "tree": True}),
        ("kind:a..b", {"field": "kind", "any": ["a..b", "A..B", "A..b"], "tree": True}),
    ],
)
def test_a_known_name_filters(query, condition):
    made = plan(f"{query} sea", index="a", known=KNOWN)
    assert made["filter"] == condition
    assert (made["text"], made["words"]) == ("sea", {"text": "sea", "correct": True})


def test_several_filters_hold_together():
    assert [each["field"] for each in plan("kind:a year:2 x", index="a", known=KNOWN)["filter"]["and"]] == ["kind", "year"]


def test_a_filter_alone_is_a_search_too():
    assert plan("kind:a", index="a", known=KNOWN)["words"] == {"text": ""}


def test_a_given_filter_and_a_typed_one_hold_together():
    given = {"field": "year", "any": [7]}
    assert plan("sea", index="a", filter=given)["filter"] == given
    assert plan("kind:a sea", index="a", known=KNOWN, filter=given)["filter"]["and"][1] == given


@pytest.mark.parametrize("wished", [{"filter": {"ids": ["x"]}}, {"facets": [{"field": "kind"}]}, {"sort": [{"field": "kind"}]}])
def test_no_query_asks_for_all_that_match(wished):
    assert plan("", index="a", limit=3, offset=5, **wished) == {"index": "a", "limit": 3, "offset": 5, "words": {"text": ""}, **wished}


def test_legs_and_weights():
    words = {"text": "fever", "correct": True}
    assert plan(" fever ", index="a", limit=3) == {"index": "a", "limit": 3, "text": "fever", "words": words}
    assert plan("fever", index="a", limit=3, legs="meaning") == {"index": "a", "limit": 3, "text": "fever"}
    assert plan("fever", index="a", limit=3, legs="words") == {"index": "a", "limit": 3, "words": words}
    assert plan("fever", index="a", weights={"meaning": 0.5, "words": 0.5})["weights"] == {"meaning": 0.5, "words": 0.5}
    assert plan("fever -cold", index="a", legs="meaning", correct=False) == {
        "index": "a",
        "limit": 10,
        "text": "fever",
        "words": {"not": [{"text": "cold"}]},
        "weights": {"meaning": 1.0, "words": 0.0},
    }
    with pytest.raises(BadRequest, match="both, meaning, words"):
        plan("fever", index="a", legs="dense")


def test_what_is_wished_for_stands_in_the_plan():
    made = plan("fev", index="a", typing=True, correct=False, explain=True, offset=10)
    assert made["words"] == {"text": "fev", "typing": True}
    assert (made["explain"], made["offset"]) == (True, 10)


@pytest.mark.parametrize("query", ["", " \t\n", "\u2003\u00a0", '"', '"' * 5, "“"])
def test_nothing_to_search_for_gives_no_plan(query):
    assert plan(query, index="a") is None


def test_a_query_is_cut_and_ends_with_a_word():
    text = plan("word " * MAX_CHARS, index="a")["text"]
    assert len(text) <= MAX_CHARS
    assert text.endswith(" word")


def test_half_a_character_becomes_a_replacement_character():
    assert plan("a\ud83d", index="a")["text"] == "a\ufffd"


def test_operators_without_end_become_words():
    found = read("a " + "-b " * 500)
    assert len(found.without) == MAX_OPERATORS
    assert found.free.split().count("b") == 500 - MAX_OPERATORS


def test_any_string_gives_a_plan_or_nothing():
    chance = random.Random(7)
    signs = "\"“”„«»「」-−:： ()[]<>.=abc12海\\'title:kind:year:\ud83d\n"
    for _ in range(5_000):
        query = "".join(chance.choice(signs) for _ in range(chance.randrange(30)))
        made = plan(query, index="a", known=KNOWN)
        if made is not None:
            assert made.get("text", "x").strip() == made.get("text", "x") != ""
