"""One list of texts over every backend: their tokens are those of `tests/golden/analysis.json`, which a person has read.

Invariant under test: the backends reply with equal bytes, whatever a text holds.
"""

import json
from pathlib import Path

import pytest

from findling import engine
from findling.engine import encode
from findling.errors import FindlingError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/analysis.json").read_text(encoding="utf-8"))
CASES = {case["about"]: case for case in GOLDEN["cases"]}
assert len(CASES) == len(GOLDEN["cases"])


def tokens_of(reply):
    return [[token[name] for name in GOLDEN["columns"]] for token in reply["tokens"]]


@pytest.mark.parametrize("about", CASES)
def test_a_text_has_the_tokens_that_were_read(free, about):
    case = CASES[about]
    reply = json.loads(free("analyse", encode({"text": case["text"], "language": case["language"]})))
    assert tokens_of(reply) == case["tokens"]


def test_a_language_is_guessed_from_long_texts(free):
    for case in GOLDEN["guessed"]:
        assert json.loads(free("analyse", encode({"text": case["text"]})))["language"] == case["language"], case["text"]
        short = {"text": case["text"][:200]}
        assert json.loads(free("analyse", encode(short)))["language"] == "und"


def test_a_lone_surrogate_is_a_sign_that_stands_for_nothing(free):
    reply = json.loads(free("analyse", b'{"text":"a\\ud800b","language":"en"}'))
    assert [token["form"] for token in reply["tokens"]] == ["a", "b"]
    assert [token["start"] for token in reply["tokens"]] == [0, 4]
    assert engine.analyse("a\ud800b", "en") == reply


def test_a_long_text_without_a_space_has_tokens_of_bounded_length(free):
    for letter in ("x", "中", "e\u0301", "a.", "😀"):
        reply = free("analyse", encode({"text": letter * (100_000 // len(letter.encode())), "language": "en"}))
        assert max(len(token["form"].encode()) for token in json.loads(reply)["tokens"]) <= 255


@pytest.mark.parametrize("request_", [{}, {"text": 7}, {"text": "x", "language": "english"}, {"text": "x", "lang": "en"}, {"text": "x", "language": ""}])
def test_what_is_no_request_is_refused(free, request_):
    with pytest.raises(FindlingError) as caught:
        free("analyse", encode(request_))
    assert caught.value.code == "bad_request"
