"""What is read from PDF, sound and film.

Owns small real files, made here. Invariant under test: pages, outline and tags are told; what cannot be read says why.
"""

from pathlib import Path

import pytest

from findling import readers
from findling.errors import BadInput
from made import at, flac, frame, mp3, only, pdf, pdf_of


def test_a_pdf_has_pages_and_its_outline_as_headings():
    pages = [["The light-", "house stands (here)", "by the sea"], ["Second page"], ["Third page"]]
    information = "/Title(My paper)/Author(Ann)/CreationDate(D:20240501120000Z)/Keywords(sea, light)"
    document = only("a.pdf", pdf(pages, information, ["Intro", "More"], "/Lang(en-GB)"))
    assert document.text == "The lighthouse stands (here)\nby the sea\n\nSecond page\n\nThird page"
    assert (document.title, document.date, document.tags, document.language, document.meta["author"]) == ("My paper", "2024-05-01", ("sea", "light"), "en", "Ann")
    assert at(document, "by the sea") == {"headings": ["Intro"], "page": 1}
    assert at(document, "Second") == {"headings": ["More"], "page": 2}
    assert at(document, "Third") == {"headings": ["More"], "page": 3}


def test_what_a_browser_prints_is_read():
    document = only("chromium.pdf", (Path(__file__).parent / "files/chromium.pdf").read_bytes())
    assert (document.title, document.language) == ("The keeper of the light", "en")
    assert "Größe, naïve\ncafé, Ελλάδα." in document.text and "boat floats" in document.text
    assert at(document, "Wood for rowing") == {"headings": ["The tower", "The boat"], "page": 2}


def test_parts_of_a_long_pdf_know_their_pages():
    documents = readers.read("a.pdf", pdf([[f"page{page} " * 9] * 12 for page in range(1, 13)])).documents
    assert len(documents) > 2
    for document in documents:
        for page in range(1, 13):
            if f"page{page} " in document.text:
                assert at(document, f"page{page} ") == {"page": page}


def test_a_pdf_without_text_says_what_to_do():
    with pytest.raises(BadInput, match="OCR"):
        readers.read("scan.pdf", pdf([[], []]))


def test_a_broken_page_costs_only_itself():
    made = pdf([["first"], ["second"], ["third"]])
    content = made.index(b"stream\nBT", made.index(b"second") - 60)
    made = made[:content].replace(b"xx", b"xx") + made[content:].replace(b"/F1 12 Tf 14 TL 72 720 Td (second", b"[<<<<[[[[ 12 T 14 TL 72 720 Td (second", 1)
    reading = readers.read("a.pdf", made)
    assert "first" in reading.documents[0].text and "third" in reading.documents[0].text


def test_a_locked_pdf_is_refused():
    lock = f"<</Filter/Standard/V 1/R 2/P -4/O<{'41' * 32}>/U<{'42' * 32}>>>"
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>", lock, "<<>>"]
    made = pdf_of(objects).replace(b"/Info 4 0 R", b"/Info 4 0 R/Encrypt 3 0 R/ID[<41><41>]")
    with pytest.raises(BadInput, match="password"):
        readers.read("a.pdf", made)


def test_too_many_pages_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr("findling.readers.pdf.MAX_PAGES", 2)
    reading = readers.read("a.pdf", pdf([["one"], ["two"], ["three"]]))
    assert [document.text for document in reading.documents] == ["one\n\ntwo"]
    assert "limit is 2" in reading.reason()


def test_sound_is_found_by_its_tags():
    made = mp3(frame("TIT2", "The Sea"), frame("TPE1", "Ann"), frame("TALB", "Waves"), frame("TYER", "2001"), frame("TCON", "Ambient"))
    document = only("a.mp3", made)
    assert (document.title, document.text, document.kind, document.date, document.tags) == ("The Sea", "Ann\nWaves\nAmbient", "sound", "2001", ("Ambient",))
    assert document.meta == {"file": "a.mp3", "artist": "Ann", "album": "Waves", "seconds": pytest.approx(1.0, abs=0.1)}


def test_vorbis_comments_and_lyrics():
    document = only("a.flac", flac([("TITLE", "The Sea"), ("ARTIST", "Ann"), ("LYRICS", "la la\nla"), ("DATE", "2001-02-03")]))
    assert (document.title, document.text, document.date) == ("The Sea", "Ann\n\nla la\nla", "2001-02-03")


def test_chapters_have_their_times():
    title = frame("TIT2", "The storm")
    chapter = b"c1\0" + (61_500).to_bytes(4, "big") + (90_000).to_bytes(4, "big") + b"\xff" * 8 + title
    made = mp3(frame("TIT2", "A book"), b"CHAP" + len(chapter).to_bytes(4, "big") + b"\0\0" + chapter)
    document = only("a.mp3", made)
    assert document.text == "The storm"
    assert at(document, "The storm") == {"time": 61.5}


def test_sound_without_tags_is_found_by_its_name():
    document = only("sea_shanty.mp3", mp3())
    assert (document.title, document.text) == ("sea shanty", "")


def test_what_is_no_sound_is_refused():
    with pytest.raises(BadInput):
        readers.read("a.mp4", b"\0\0\0\x18ftypmp42")
    with pytest.raises(BadInput):
        readers.read("a.ogg", b"nothing to hear")
