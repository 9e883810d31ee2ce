"""Files of every format made to hurt: bombs, endless loops, lies about sizes, and all ways to be cut off.

Owns the files. Must not know how a reader works. Invariant under test: each ends as documents or as a skip with a code, within the
limits, whatever it claims; and none costs another file.
"""

import io
import random
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))
from findling import readers  # noqa: E402
from findling.documents import MAX_TEXT_CHARS  # noqa: E402
from findling.errors import BadInput, FindlingError  # noqa: E402
from findling.readers import files  # noqa: E402
from made import docx, epub, exif, flac, frame, heic, jpeg, mp3, odt, paragraph, pdf, pdf_of, png, webp, xmp, zipped  # noqa: E402

LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)) + "]>"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def forged(data, name, size):
    """The ZIP file with another length claimed for an entry, in both places where one stands."""
    made = bytearray(data)
    for mark, at, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        start = made.find(mark)
        while start >= 0:
            if made[start + name_at : start + name_at + len(name)] == name:
                made[start + at : start + at + 4] = struct.pack("<I", size)
            start = made.find(mark, start + 4)
    return bytes(made)


def nested_zip(depth):
    made = zipped({"a.txt": "the innermost"})
    for _ in range(depth):
        made = zipped({"in.zip": made})
    return made


def overlapping():
    """A hundred entries that are the same bytes (Fifield, "A better zip bomb", 2019)."""
    one = bytearray(zipped({"a.txt": b"a" * 100_000}))
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry = bytes(one[start:end])
    made = bytes(one[:start]) + b"".join(entry.replace(b"a.txt", f"{n % 10}{n // 10 % 10}.md"[:5].encode()) for n in range(100))
    tail = bytearray(one[end:])
    tail[8:12] = struct.pack("<HH", 100, 100)
    tail[12:20] = struct.pack("<II", len(entry) * 100, start)
    return made + bytes(tail)


def locked_zip():
    made = bytearray(zipped({"a.txt": "secret"}))
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


def stream(content, **keys):
    told = "".join(f"/{key} {value}" for key, value in keys.items())
    return f"<<{told}/Length {len(content)}>>stream\n".encode() + content + b"\nendstream"


def pdf_with(content, pages="<</Type/Pages/Kids[4 0 R]/Count 1>>", more=()):
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/XObject<</X 3 0 R>>>>/Contents 3 0 R>>"
    return pdf_of(["<</Type/Catalog/Pages 2 0 R>>", pages, content, page, *more, "<<>>"])


def pdf_bomb():
    inner = zlib.compress(b"BT (a) Tj ET " * 8_000_000, 9)
    return pdf_with(stream(zlib.compress(inner, 9), Filter="[/FlateDecode/FlateDecode]"))


def id3(size, body):
    return b"ID3\x04\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + body


def atoms(depth):
    made = b""
    for _ in range(depth):
        made = struct.pack(">I4s", len(made) + 8, b"moov") + made
    return b"\0\0\0\x18ftypM4A " + bytes(12) + made


def looping_exif():
    made = bytearray(exif([(0x010F, "camera")], [(0x9003, "2024:05:01 10:20:30")]))
    at = made.index(b"\x87\x69") + 8
    made[at : at + 4] = (8).to_bytes(4, "big")
    return bytes(made)


def multiparts(depth):
    made = b"Content-Type: text/plain\n\nhello\n"
    for number in range(depth):
        made = f'Content-Type: multipart/mixed; boundary="b{number}"\n\n--b{number}\n'.encode() + made + f"--b{number}--\n".encode()
    return b"Subject: deep\nMIME-Version: 1.0\n" + made


BOMBS = {
    "zeros.zip": lambda: zipped({"a.txt": b"\0" * 50_000_000}),
    "spaces.zip": lambda: zipped({f"{n}.txt": b" " * 20_000_000 for n in range(3)}),
    "deep.zip": lambda: nested_zip(30),
    "overlap.zip": overlapping,
    "locked.zip": locked_zip,
    "claims less.zip": lambda: forged(zipped({"a.txt": "word " * 100_000}), b"a.txt", 10),
    "claims more.zip": lambda: forged(zipped({"a.txt": "word"}), b"a.txt", 0xFFFFFFF0),
    "many.zip": lambda: b"PK\x01\x02" * 30_000 + zipped({"a.txt": "a"}),
    "names.zip": lambda: zipped({"../../etc/passwd.txt": "up", "C:\\x.txt": "drive", "a" * 60_000 + ".txt": "long", "\u202egnp.txt": "back"}),
    "not.zip": lambda: b"PK\x03\x04" + bytes(1000),
    "laughs.docx": lambda: docx(**{"word/document.xml": f"{LAUGHS}<w:document {W}><w:p><w:t>&j;</w:t></w:p></w:document>"}),
    "outside.docx": lambda: docx(**{"word/document.xml": f"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><w:document {W}><w:p><w:t>&f;</w:t></w:p></w:document>"}),
    "deep.docx": lambda: docx(f"<w:p {W}>" * 1_000),
    "big.docx": lambda: docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 2_000_000),
    "tables.odt": lambda: odt("<table:table><table:table-row><text:p>" * 80 + "in" + "</text:p></table:table-row></table:table>" * 80),
    "blanks.odt": lambda: odt('<text:p>a<text:s text:c="4000000000"/>b</text:p>'),
    "laughs.odt": lambda: zipped({"content.xml": f"{LAUGHS}<x>&j;</x>"}),
    "loop.epub": lambda: epub({"a.xhtml": "<p>a"}).replace(b"OEBPS/book.opf", b"OEBPS/book.opF"),
    "up.epub": lambda: epub({"../../../../a.xhtml": "<p>a"}),
    "many.epub": lambda: epub({f"{n}.xhtml": "" for n in range(11_000)}),
    "quadratic.html": lambda: b"<a" * 500_000,
    "quotes.html": lambda: b"<a href='" * 200_000,
    "deep.html": lambda: b"<div>" * 60_000 + b"in",
    "unclosed.html": lambda: b"<p><b><i><td>" * 15_000,
    "closing.html": lambda: b"<div>" * 500 + b"</p>" * 60_000 + b"kept",
    "comments.html": lambda: b"<!--" * 300_000,
    "entities.html": lambda: b"&#" * 300_000 + b"&lt" * 300_000,
    "attributes.html": lambda: b"<p " + b"a=b " * 100_000 + b">kept",
    "title.html": lambda: b"<title>" * 200_000,
    "bomb.pdf": pdf_bomb,
    "loop.pdf": lambda: pdf_with(stream(b"/X Do", Type="/XObject", Subtype="/Form", Resources="<</XObject<</X 3 0 R>>>>")),
    "tree.pdf": lambda: pdf_with(stream(b""), pages="<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>"),
    "count.pdf": lambda: pdf_with(stream(b"BT (a) Tj ET"), pages="<</Type/Pages/Kids[4 0 R]/Count 999999999>>"),
    "length.pdf": lambda: pdf([["a"]]).replace(b"/Length ", b"/Length 99999999"),
    "prev.pdf": lambda: pdf([["a"]]).replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev 9"),
    "outline.pdf": lambda: pdf([["text"]], outline=["a"]).replace(b"/Fit]", b"/Fit]/Next 7 0 R/First 7 0 R"),
    "brackets.pdf": lambda: pdf_with(stream(b"[" * 100_000)),
    "strings.pdf": lambda: pdf_with(stream(b"BT (" + b"(" * 500_000)),
    "header.pdf": lambda: b"%PDF-1.7\n" + b"1 0 obj\n" * 20_000,
    "starts.pdf": lambda: b"%PDF-1.4\n" + b"startxref\n9\n" * 4_000,
    "no pages.pdf": lambda: pdf([]),
    "huge.mp3": lambda: id3(0xFFFFFFF, b"APIC\x7f\x7f\x7f\x7f\0\0"),
    "frames.mp3": lambda: mp3(*[frame("TIT2", "a")] * 4_000),
    "packed.mp3": lambda: id3(10_000, b"TIT2" + (5000).to_bytes(4, "big") + b"\0\x08" + zlib.compress(b"\0" * 4_000_000)),
    "atoms.m4a": lambda: atoms(5_000),
    "size.m4a": lambda: b"\0\0\0\x18ftypM4A " + bytes(12) + b"\0\0\0\x01moov" + b"\xff" * 8,
    "claims.flac": lambda: flac([("TITLE", "a")]).replace(struct.pack("<I", 1) + struct.pack("<I", 7), b"\xff\xff\xff\x7f" * 2),
    "pages.ogg": lambda: b"OggS\0\x02" + bytes(20) + b"\xff" + b"\xff" * 255 + bytes(70_000),
    "multipart.eml": lambda: multiparts(300),
    "parts.eml": lambda: b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 100_000,
    "header.eml": lambda: b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\n\ntext",
    "addresses.eml": lambda: b"To: " + b"(" * 50_000 + b"\nSubject: a\n\ntext",
    "froms.mbox": lambda: b"From a@b Wed May  1 2024\n" * 3_000,
    "laughs.xmp": lambda: (LAUGHS + "<x>&j;</x>").encode(),
    "laughs.jpg": lambda: jpeg(xmp=LAUGHS + "<x>&j;</x>"),
    "loop.jpg": lambda: jpeg(looping_exif()),
    "segments.jpg": lambda: b"\xff\xd8" + b"\xff\xe0\0\0" * 100_000,
    "pixels.png": lambda: png().replace((30).to_bytes(4, "big") + (20).to_bytes(4, "big"), b"\xff" * 8),
    "text.png": lambda: png(("Comment", "a" * 100_000_000)),
    "zero.webp": lambda: b"RIFF\0\0\0\0WEBP" + b"VP8X\0\0\0\0" * 100_000,
    "boxes.heic": lambda: b"\0\0\0\x08ftyp" * 100_000,
    "entries.tif": lambda: b"MM\0*\0\0\0\x08\xff\xff" + b"\x01\x0f\0\x02\xff\xff\xff\xff\0\0\0\x08" * 60_000,
    "arrows.vtt": lambda: b"WEBVTT\n\n" + b"-->" * 200_000,
    "cues.srt": lambda: b"00:00:01,000 --> 00:00:02,000\nword\n\n" * 50_000,
    "tags.vtt": lambda: b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<v " * 200_000,
    "modifiers.rs": lambda: b"pub " * 200_000 + b"fn a() {}\n" + b"impl<" * 100_000,
    "indent.py": lambda: b"".join(b" " * n + b"def f():\n" for n in range(1500)),
}  # fmt: skip


def reading_of(name, data):
    """What a file gives: its reading, or the error it ends as. Nothing else may happen."""
    try:
        return readers.read(name, data)
    except FindlingError as error:
        assert error.code in ("bad_input", "unsupported") and error.message
        return error


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_file_ends_as_documents_or_as_a_coded_skip(name):
    found = reading_of(name, BOMBS[name]())
    if isinstance(found, files.Reading):
        assert found.documents or found.skipped or found.faults
        assert all(len(document.text) <= MAX_TEXT_CHARS and len(document.id) <= 1_024 for document in found.documents)
        assert all(each.code and each.message for each in found.skipped)


REFUSED = {
    "zeros.zip": "bombs", "deep.zip": "more than 4 files", "locked.zip": "password", "many.zip": "limit", "laughs.docx": "declares entities", "outside.docx": "declares entities",
    "deep.docx": "levels deep", "laughs.odt": "declares entities", "many.epub": "limit", "laughs.xmp": "declares entities", "pixels.png": "pixels",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_reason_names_what_is_wrong(name):
    found = reading_of(name, BOMBS[name]())
    messages = [found.message] if isinstance(found, FindlingError) else [each.message for each in found.skipped]
    assert any(REFUSED[name] in message for message in messages), messages


GOOD = {
    "a.docx": lambda: docx(paragraph("first") + paragraph("second")),
    "a.odt": lambda: odt("<text:p>first</text:p>"),
    "a.epub": lambda: epub({"a.xhtml": "<p>first", "b.xhtml": "<p>second"}),
    "a.zip": lambda: zipped({"a.txt": "first", "b.html": "<p>second"}),
    "a.pdf": lambda: pdf([["first"], ["second"]], "/Title(T)", ["One", "Two"]),
    "a.mp3": lambda: mp3(frame("TIT2", "first")),
    "a.flac": lambda: flac([("TITLE", "first")]),
    "a.jpg": lambda: jpeg(exif([(0x010F, "camera")], [(0x9003, "2024:05:01 10:20:30")]), xmp(), [(120, "caption")]),
    "a.png": lambda: png(("Title", "first"), exif_data=exif([(0x010F, "camera")])),
    "a.webp": lambda: webp(exif([(0x010F, "camera")]), xmp()),
    "a.heic": lambda: heic(exif([(0x010F, "camera")])),
    "a.eml": lambda: multiparts(3),
    "a.html": lambda: b"<title>T</title><main><h1>first</h1><p class='x'>second &amp; third</main>",
    "a.vtt": lambda: b"WEBVTT\n\n00:01.000 --> 00:02.000\nfirst\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_is_cut_off_or_altered_anywhere_ends_as_documents_or_as_a_coded_skip(name):
    data = GOOD[name]()
    chance = random.Random(name)
    assert isinstance(reading_of(name, data), files.Reading)
    for cut in sorted(chance.sample(range(len(data)), min(len(data), 60))):
        reading_of(name, data[:cut])
    for _ in range(120):
        altered = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            altered[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        reading_of(name, bytes(altered))


# Limits


class Clock:
    """Goes on by a second whenever somebody looks."""

    now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_a_library_that_never_ends_is_ended(monkeypatch):
    def endless(file, reading):
        def turn():
            pass

        while True:
            try:
                turn()
            except Exception:  # noqa: BLE001 - as libraries do
                pass
        yield

    monkeypatch.setattr(readers, "_reader", lambda format: endless)
    with pytest.raises(BadInput, match="longer than 300 seconds"):
        readers.read("a.pdf", b"%PDF", budget=files.Budget(Clock()))
    assert sys.gettrace() is None


def test_time_counts_for_each_file_in_an_archive_and_only_while_it_is_read(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(files, "MAX_SECONDS", 30.0)
    reading = files.Reading()
    for _ in readers.steps(files.File("a.zip", zipped({f"{n}.html": f"<p>word{n}" for n in range(20)}), files.Budget(clock)), reading):
        clock.now += 1_000.0
    assert len(reading.documents) == 20


def test_what_comes_out_of_a_file_is_counted_over_all_that_is_in_it(monkeypatch):
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 250_000)
    words = "".join(f"word{n} " for n in range(12_000))
    inner = zipped({"a.txt": words, "b.txt": words})
    reading = readers.read("a.zip", zipped({"1.zip": inner, "2.zip": inner}))
    assert "1.zip/a.txt" in reading.documents[0].id
    assert any("came out" in each.message for each in reading.skipped) or "came out" in reading.reason()


def test_too_many_inner_files_are_left_out(monkeypatch):
    monkeypatch.setattr(files, "MAX_INNER_FILES", 5)
    reading = readers.read("a.zip", zipped({f"{n}.txt": "word" for n in range(9)}))
    assert len(reading.documents) == 5
    assert "more than 5 files" in reading.reason()


def test_hostile_files_cost_no_other_file(only_the_good_one_is_found):
    chosen = ["zeros.zip", "laughs.docx", "loop.pdf", "huge.mp3", "deep.html", "header.eml", "loop.jpg", "not.zip"]
    made = [{"name": name, "bytes": BOMBS[name]()} for name in chosen]
    made.insert(4, {"name": "good.html", "bytes": b"<p>a lighthouse keeper sings"})
    only_the_good_one_is_found(made, "good.html")


def test_an_archive_of_all_hostile_files_still_gives_the_good_one():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in ("laughs.docx", "loop.pdf", "huge.mp3", "deep.html", "header.eml", "loop.jpg", "deep.zip"):
            archive.writestr(name, BOMBS[name]())
        archive.writestr("good.html", "<p>a lighthouse keeper sings")
    reading = readers.read("all.zip", held.getvalue())
    assert "all.zip/good.html" in {document.id for document in reading.documents}
    assert {"all.zip/laughs.docx"} <= {each.name for each in reading.skipped}
