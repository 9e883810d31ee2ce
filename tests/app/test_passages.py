"""Texts to passages: lengths, overlaps, titles.

Invariant under test: no word is lost, whatever the text is made of.
"""

import pytest

from findling.documents import Document
from findling.passages import PART_CHARS, PASSAGE_WORDS, STRIDE_WORDS, cut, parts


def words(count, prefix="w"):
    return " ".join(f"{prefix}{number}" for number in range(count))


@pytest.mark.parametrize("count", [0, 1, PASSAGE_WORDS])
def test_a_short_text_is_one_passage_kept_whole(count):
    text = f"  {words(count)}\n"
    (passage,) = cut(Document("x", text=text, title="Title"))
    assert text[passage.start : passage.end] == text


def test_the_title_stands_in_front_of_every_passage():
    passages = cut(Document("x", title="A  title", text=words(200)))
    assert len(passages) == 3
    assert all(passage.embedded.startswith("A title. w") for passage in passages)


@pytest.mark.parametrize(("title", "text", "embedded"), [("", "text", "text"), ("title", "", "title"), ("Sea", "Sea and sky", "Sea and sky")])
def test_a_title_or_text_alone_stands_alone(title, text, embedded):
    assert cut(Document("x", title=title, text=text))[0].embedded == embedded


@pytest.mark.parametrize("count", [81, 140, 141, 1000])
def test_passages_overlap_and_cover_every_word(count):
    text = words(count)
    passages = cut(Document("x", text=text))
    pieces = [text[passage.start : passage.end].split() for passage in passages]
    assert [passage.index for passage in passages] == list(range(len(passages)))
    assert all(len(piece) <= PASSAGE_WORDS for piece in pieces)
    assert {word for piece in pieces for word in piece} == set(text.split())
    for before, after in zip(pieces, pieces[1:], strict=False):
        assert before[STRIDE_WORDS:] == after[: PASSAGE_WORDS - STRIDE_WORDS]


def test_offsets_are_code_points():
    text = f"{words(100, '🚀')} end"
    last = cut(Document("x", text=text))[-1]
    assert text[last.start : last.end].endswith(" end")


@pytest.mark.parametrize("text", ["海" * 500, "x" * 5000])
def test_a_text_without_blanks_is_cut_too(text):
    passages = cut(Document("x", text=text))
    assert len(passages) > 1
    assert max(passage.end - passage.start for passage in passages) <= PASSAGE_WORDS * 24
    assert passages[-1].end == len(text)


def test_an_endless_title_leaves_room_for_the_text():
    assert "w0" in cut(Document("x", title=words(1000, "t"), text=words(10)))[0].embedded.split()[:40]


@pytest.mark.parametrize("text", [words(20_000), "海" * 20_000, "x" * 13_000, "a\n\n" * 9_000])
def test_parts_hold_the_whole_text_in_order(text):
    pieces = parts(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= PART_CHARS for piece in pieces)
