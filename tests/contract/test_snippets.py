"""What is shown of hits, over every backend: titles and short texts marked, windows of long ones, the index's own languages.

Invariant under test: the reference marks the same words in a text that is shown whole, and every backend replies with native's bytes.
"""

import json
import re

import pytest

from cases_words import GERMAN, PAGES
from findling.engine import encode
from findling.errors import FindlingError

FILLER = "Some words that say nothing at all stand here for quite a while. " * 8

# name, text, query, languages, the text with what is marked in brackets
MARKED = [
    ("stems", "The runner was running; RUN!", {"text": "runs"}, ["en"], "The runner was [running]; [RUN]!"),
    ("accents and capitals", "Café, cafe", {"text": "CAFÉ"}, ["en"], "[Café], [cafe]"),
    ("two languages", "Die Häuser, the houses", {"text": "Haus houses"}, ["en", "de"], "Die [Häuser], the [houses]"),
    ("a phrase where it stands", "big cat, big black cat", {"phrases": [{"text": "big cat"}]}, ["en"], "[big cat], big black cat"),
    ("words of a field", "a pot of tea", {"in": [{"text": "tea", "field": "title"}]}, ["en"], "a pot of [tea]"),
    ("words left out", "a pot of tea", {"text": "pot", "not": [{"text": "tea"}]}, ["en"], "a [pot] of tea"),
    ("letters without spaces", "私は東京都庁へ", {"text": "東京都"}, ["und"], "私は[東京都]庁へ"),
    ("wholes", "C++, C and snake_case", {"text": "snake_case"}, ["en"], "C++, C and [snake_case]"),
    ("an emoji of several signs", "a 🧑‍💻 at work", {"text": "🧑‍💻"}, ["en"], "a [🧑‍💻] at work"),
    ("what looks like markup", "<b>bold</b> & <script>", {"text": "script"}, ["en"], "<b>bold</b> & <[script]>"),
    ("nothing", "a pot of tea", {"text": "cup"}, ["en"], "a pot of tea"),
    ("no text", "", {"text": "cup"}, ["en"], ""),
]

REFUSED = [
    ("no query", {"items": []}, "bad_request"),
    ("an unknown key", {"items": [], "query": {}, "html": True}, "bad_request"),
    ("a language that is none", {"items": [], "query": {}, "languages": ["english"]}, "bad_request"),
    ("too many words", {"items": [], "query": {}, "words": 1001}, "bad_request"),
    ("a passage outside its text", {"items": [{"text": "ab", "spans": [[0, 3]]}], "query": {}}, "bad_request"),
    ("an index that is not open", {"index": "unknown", "items": [], "query": {}}, "not_found"),
]


def pieces(text):
    """Pieces from a text with brackets around what is marked."""
    parts = [part for part in re.split(r"(\[[^\]]*\])", text) if part]
    return [{"text": part.strip("[]"), "hit": part.startswith("[")} for part in parts]


def ask(engine, request):
    return json.loads(engine.snippets(encode(request)))["items"]


@pytest.mark.parametrize(("text", "query", "languages", "expected"), [row[1:] for row in MARKED], ids=[row[0] for row in MARKED])
def test_what_was_searched_for_is_marked(engine, text, query, languages, expected):
    item = {"title": text, "text": text}
    shown = ask(engine, {"items": [item], "query": query, "languages": languages})
    assert shown == [{"title": pieces(expected), "snippet": pieces(expected), "passage": 0}]


def test_a_long_text_is_shown_where_the_words_are(backend, engine, native):
    if backend == "reference":
        # Windows are the core's alone.
        return
    text = f"{FILLER}A cat sat on a roof. {FILLER}A cat and a dog met. {FILLER}"
    middle = text.index("A cat and")
    spans = [[0, middle - 100], [middle - 100, middle + 200], [middle + 200, len(text)]]
    request = {"items": [{"text": text, "spans": spans, "passage": 0}], "query": {"text": "dog cat"}, "languages": ["en"], "words": 6}
    assert ask(engine, request) == [{"title": [], "snippet": pieces("A [cat] and a [dog] met."), "passage": 1}]
    for change in ({}, {"words": 60}, {"query": {"text": "tree"}, "encoder": "model"}, {"query": {"text": "rooftop ro", "typing": True}}):
        assert engine.snippets(encode(request | change)) == native.snippets(encode(request | change))


def test_languages_and_weights_are_those_of_the_index(backend, engine):
    name = f"shown-{backend}"
    engine.open(encode({"index": name}))
    engine.add(encode({"index": name, "documents": [*GERMAN, *PAGES]}))
    plan = {"index": name, "words": {"text": "Häusern boats"}}
    assert json.loads(engine.search(encode(plan)))["hits"]
    shown = ask(engine, {"index": name, "items": [{"title": "Haus, boat, Boote"}], "query": plan["words"]})
    assert shown[0]["title"] == pieces("[Haus], [boat], Boote")


@pytest.mark.parametrize(("request_", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_malformed_request_is_refused_with_its_code(backend, engine, request_, code):
    if backend == "reference" and code == "bad_request":
        # It trusts its callers.
        return
    with pytest.raises(FindlingError) as caught:
        engine.snippets(encode(request_))
    assert (caught.value.code, bool(caught.value.message)) == (code, True)
