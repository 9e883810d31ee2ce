"""Where passages begin and end: sentences, headings, code, rows, items; and the places they keep.

Invariant under test: what belongs together is not cut as long as it fits.
"""

import pytest

from findling.documents import Document, Hit, from_fields
from findling.errors import BadInput
from findling.passages import PASSAGE_WORDS, cut


def sentence(number, words=12):
    return f"Sentence{number} " + " ".join(f"w{number}x{at}" for at in range(words - 2)) + " end."


def pieces(text, **fields):
    return [text[passage.start : passage.end] for passage in cut(Document("x", text=text, **fields))]


def test_passages_of_prose_are_whole_sentences():
    text = " ".join(sentence(number) for number in range(40))
    found = pieces(text)
    assert len(found) > 5
    assert all(piece.startswith("Sentence") and piece.endswith("end.") for piece in found)
    assert all(len(piece.split()) <= PASSAGE_WORDS for piece in found)
    for before, after in zip(found, found[1:], strict=False):
        assert after.split(".")[0] in before, "they share a sentence"


@pytest.mark.parametrize("inside", ["J. Smith", "Dr. Smith", "e.g. this", "v1.2 of it", "see Fig. 3"])
def test_a_point_inside_a_sentence_does_not_end_it(inside):
    first = " ".join(["word"] * 66)
    found = pieces(f"{first} {inside} went on and on until the very end. {sentence(1, 60)}")
    assert found[0].endswith("the very end.")


def test_sentences_of_scripts_without_blanks_are_found():
    one = "海" * 34 + "。"
    found = pieces(one * 12)
    assert all(piece.endswith("。") and piece.startswith("海") for piece in found)


def test_a_heading_begins_a_passage_and_never_ends_one():
    text = "\n\n".join(f"## Heading {number}\n\n{sentence(number, 50)}" for number in range(6))
    found = pieces(text)
    assert [piece.split("\n")[0] for piece in found] == [f"## Heading {number}" for number in range(6)]


def test_lines_of_code_stay_whole():
    code = "\n".join(f"    value{number} = compute(a{number}, b{number}, c{number})" for number in range(60))
    text = f"Some words before it.\n\n```python\n{code}\n```\n\nSome words after it."
    lines = {line.strip() for line in text.split("\n")}
    for piece in pieces(text):
        assert {line.strip() for line in piece.split("\n")} <= lines


def test_rows_of_a_table_stay_whole_and_later_passages_know_its_head():
    rows = [f"| thing {number} | colour {number} | a size of {number} |" for number in range(50)]
    text = "\n".join(["| name | colour | size |", "|---|---|---|", *rows])
    passages = cut(Document("x", title="Things", text=text))
    assert len(passages) > 3
    for passage in passages:
        assert text[passage.start : passage.end].split("\n")[0].startswith("|")
        assert text[passage.start : passage.end].endswith("|")
        assert passage.embedded.startswith("Things. | name | colour | size |")
        assert passage.embedded.count("| name |") == 1


@pytest.mark.parametrize("mark", ["-", "*", "1.", "•"])
def test_items_of_a_list_stay_whole(mark):
    text = "These are the items:\n" + "\n".join(f"{mark} item number {number} has some words in it" for number in range(60))
    for piece in pieces(text)[1:]:
        assert piece.startswith(mark)
        assert piece.endswith("in it")


def test_short_lines_end_where_they_end():
    text = "\n".join(f"milk and bread {number}" for number in range(60))
    assert all(piece.startswith("milk") for piece in pieces(text))


def test_lines_that_were_filled_are_one_paragraph():
    text = "\n".join("these words go on from line to line without any end in sight" for _ in range(20))
    first, second = pieces(text)[:2]
    assert second.split()[:20] == first.split()[-20:]


def test_a_hit_tells_the_place_of_its_passage():
    text = "one\ntwo\nthree four"
    places = [{"start": 4, "headings": ["A", "B"], "page": 7, "line": 10, "time": 2.5}]
    document = from_fields({"id": "x", "text": text, "places": places}, "")
    record = document.record([(0, 3), (4, 7), (8, 18)])
    assert Document.from_record("x", record) == document
    first, second, third = (Hit.from_answer({"id": "x", "score": 0.5, "passage": number, "record": record}) for number in range(3))
    assert first.place == {}
    assert second.place == {"headings": ["A", "B"], "page": 7, "line": 10, "time": 2.5}
    assert third.as_object()["passage"]["place"]["line"] == 11


@pytest.mark.parametrize("places", ["London", ["London"], [{"city": "London"}], [{"start": -1}], [{"headings": "A"}], [{"time": float("inf")}], [{"page": True}]])
def test_places_that_are_none_are_carried_along(places):
    if places == [{"time": float("inf")}]:
        with pytest.raises(BadInput):
            from_fields({"id": "x", "text": "a", "places": places}, "")
        return
    document = from_fields({"id": "x", "text": "a", "places": places}, "")
    assert (document.places, document.meta["places"]) == ((), places)
