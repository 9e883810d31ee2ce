"""What is read from files of each format: text in order, places, and what the file says of itself.

Owns small real files, made here. Invariant under test: a reader keeps the words a person would see, in order, and knows
where they stand.
"""

import pytest

from findling import readers
from findling.readers.formats import BY_SUFFIX, TABLE
from made import WORD, at, docx, epub, odt, only, paragraph, zipped

# The table


def test_a_suffix_belongs_to_one_format():
    suffixes = [suffix for format in TABLE for suffix in format.suffixes]
    assert len(suffixes) == len(set(suffixes)) == len(BY_SUFFIX)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


def test_a_missing_package_is_asked_for_by_its_name(monkeypatch):
    monkeypatch.setattr(readers, "import_module", lambda name: (_ for _ in ()).throw(ModuleNotFoundError(name)))
    with pytest.raises(readers.Needs) as caught:
        readers.read("a.epub", b"PK")
    assert caught.value.package == "stdlib"


# HTML

PAGE = """<!doctype html><html lang="de-AT"><head><meta charset=utf-8><title>Leuchtturm &amp; Meer</title>
<link rel=canonical href="https://example.org/x"><meta name=author content="Ann"><meta name=keywords content="sea, tower">
<meta property="article:published_time" content="2024-05-01T10:00:00Z"><style>p{color:red}</style></head><body>
<nav><ul><li><a href=/>Home</a><li><a href=/a>About</a></ul></nav><header class="site">Site name</header>
<div class="cookie-banner">We use cookies</div><div hidden>unseen</div>
<article><header><h1>Leuchtturm &amp; Meer</h1></header><p>Ein Turm <b>am</b> Meer.<p>Zweiter Absatz<h2>Geschichte</h2>
<ul><li>eins<li>zwei</ul><table><tr><th>a<th>b<th>c<tr><td>1<td>2<td><p>3</p></table><pre>x
  y</pre>nach <img alt="ein Bild" src=x></article><aside>Related</aside><footer>(c) us</footer>
<script>if (a<b) "</p>spoken"</script></body></html>"""


def test_a_page_is_its_main_text():
    document = only("page.html", PAGE)
    assert document.text == "Ein Turm am Meer.\n\nZweiter Absatz\n\n## Geschichte\n\neins\nzwei\n\na\tb\tc\n1\t2\t3\n\nx\n  y\n\nnach ein Bild"
    assert (document.title, document.language, document.url, document.date) == ("Leuchtturm & Meer", "de", "https://example.org/x", "2024-05-01")
    assert document.tags == ("sea", "tower")
    assert document.meta == {"file": "page.html", "author": "Ann"}
    assert at(document, "Zweiter") == {"headings": ["Leuchtturm & Meer"]}
    assert at(document, "eins") == {"headings": ["Leuchtturm & Meer", "Geschichte"]}


def test_a_page_without_marks_keeps_all_but_lists_of_links():
    links = "".join(f'<a href="/{number}">Link number {number}</a> ' for number in range(20))
    assert only("a.html", f"<div>{links}</div><div>Plain words of a page.<br>Next line</div>").text == "Plain words of a page.\n\nNext line"


def test_a_page_of_links_keeps_them():
    assert only("a.html", "<ul><li><a href=x>one</a><li><a href=y>two</a></ul>").text == "one\ntwo"


def test_a_heading_that_is_a_link_is_kept():
    assert only("a.html", "<h2><a href='#x'>Tower</a></h2><p>by the sea").text == "## Tower\n\nby the sea"


def test_an_address_that_is_none_is_not_kept():
    assert only("a.html", '<link rel=canonical href="javascript:alert(1)"><p>text').url == ""


def test_a_page_is_decoded_as_it_says():
    assert only("a.html", "<meta charset=windows-1251><p>Привет, мир и море".encode("cp1251")).text == "Привет, мир и море"
    assert only("a.html", "<meta charset=iso-8859-1><p>“Größe”".encode("cp1252")).text == "“Größe”"


# Subtitles


def test_subtitles_know_their_times():
    document = only("a.srt", "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> there\n\n2\n00:01:06,250 --> 00:01:09,000\nGeneral\nKenobi\n")
    assert document.text == "Hello there\n\nGeneral\nKenobi"
    assert at(document, "Hello") == {"time": 1.0}
    assert at(document, "Kenobi") == {"time": 66.25}


def test_webvtt_keeps_speakers_and_drops_notes_and_repeats():
    text = "WEBVTT - Film\n\nNOTE not shown\n\n00:01.000 --> 00:02.500 align:start\n<v Bob>Hello &amp; there\n\nid\n00:02.000 --> 00:03.000\nBob: Hello &amp; there\nmore\n"
    document = only("a.vtt", text)
    assert (document.title, document.text) == ("Film", "Bob: Hello & there\nmore")


def test_a_cue_without_a_time_is_a_fault():
    reading = readers.read("a.vtt", b"WEBVTT\n\nbad --> x\nfoo\n\n00:01.000 --> 00:02.000\nkept")
    assert [document.text for document in reading.documents] == ["kept"]
    assert reading.faults == [("line 3", "the time of the cue cannot be read")]


# Source code


def test_code_has_its_definitions_as_headings():
    document = only("src/a.py", "import os\n\nclass A:\n    def f(self):\n        return 1\n\n    def g(self):\n        pass\n\nX = 1\n")
    assert (document.title, document.kind, document.meta["code"]) == ("a.py", "source", "python")
    assert at(document, "return") == {"headings": ["A", "f"], "line": 5}
    assert at(document, "pass") == {"headings": ["A", "g"], "line": 8}
    assert at(document, "X") == {"line": 10}


@pytest.mark.parametrize(
    ("name", "text", "words", "headings"),
    [
        ("a.rs", "pub struct A {\n    x: i32,\n}\n\nimpl<T> A<T> {\n    pub(crate) fn go(&self) {\n        here\n    }\n}\n", "here", ["A", "go"]),
        ("a.js", "export class Pool {\n  run() {}\n}\nconst f = async (x) => {\n  here;\n};\n", "here", ["f"]),
        ("a.go", "package a\n\nfunc (s *Server) Serve() {\n\there\n}\n", "here", ["Serve"]),
        ("a.toml", "[tool.x]\na = 1\nhere = 2\n", "here", ["tool.x"]),
        ("a.sql", "create table if not exists ships (\n  here int\n);\n", "here", ["ships"]),
        ("a.tex", "\\section{The sea}\nhere\n", "here", ["The sea"]),
    ],
)
def test_definitions_of_many_languages(name, text, words, headings):
    document = only(name, text)
    assert at(document, words)["headings"] == headings


def test_code_that_a_program_made_is_refused():
    with pytest.raises(readers.FindlingError, match="a program made it"):
        readers.read("bundle.js", b"var a=1;" * 5000)


# Documents

STYLES = '<w:style w:styleId="T"><w:name w:val="Title"/></w:style><w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style><w:style w:styleId="Own"><w:name w:val="Mine"/><w:basedOn w:val="H2"/></w:style>'
CORE = "<dc:title>My Report</dc:title><dc:creator>Ann</dc:creator><dcterms:created>2024-05-01T10:00:00Z</dcterms:created><cp:keywords>a, b</cp:keywords>"


def test_a_docx_has_headings_pages_and_tables():
    broken = "<w:lastRenderedPageBreak/>"
    changed = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>kept</w:t></w:r></w:p>"
    table = f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc><w:tc>{paragraph('b')}</w:tc></w:tr><w:tr><w:tc>{paragraph('c')}</w:tc><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"
    document = only("a.docx", docx(paragraph("Report", "T") + paragraph("Intro") + paragraph("Details", "Own") + paragraph("second page", before=broken) + changed + table, STYLES, CORE))
    assert document.text == "# Report\n\nIntro\n\n## Details\n\nsecond page\n\nkept\n\na\tb\nc\td"
    assert (document.title, document.date, document.tags, document.meta["author"]) == ("My Report", "2024-05-01", ("a", "b"), "Ann")
    assert at(document, "Intro") == {"headings": ["Report"], "page": 1}
    assert at(document, "kept") == {"headings": ["Report", "Details"], "page": 2}


def test_footnotes_of_a_docx_are_read():
    notes = f'<w:footnotes xmlns:w="{WORD}"><w:footnote>{paragraph("a note")}</w:footnote></w:footnotes>'
    assert only("a.docx", docx(paragraph("text"), **{"word/footnotes.xml": notes})).text == "text\n\na note"


def test_an_odt_has_headings_lists_and_blanks():
    body = '<text:h text:outline-level="1">Head</text:h><text:p>one<text:s text:c="3"/>two</text:p><text:list><text:list-item><text:p>x</text:p></text:list-item><text:list-item><text:p>y</text:p></text:list-item></text:list>'
    document = only("a.odt", odt(body, "<dc:title>T</dc:title><dc:language>de-AT</dc:language><meta:creation-date>2024-05-01T10:00:00</meta:creation-date><meta:keyword>k1</meta:keyword><meta:keyword>k2</meta:keyword>"))
    assert document.text == "# Head\n\none   two\n\nx\ny"
    assert (document.title, document.language, document.date, document.tags) == ("T", "de", "2024-05-01", ("k1", "k2"))
    assert at(document, "one") == {"headings": ["Head"]}


def test_notes_and_boxes_in_the_middle_of_a_paragraph_are_paragraphs_of_their_own():
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>a note</text:p></text:note-body></text:note>"
    remark = "<office:annotation><dc:creator>Ann</dc:creator><text:p>a remark</text:p></office:annotation>"
    assert only("a.odt", odt(f"<text:p>before{note}after{remark}</text:p>")).text == "before\n\na note\n\nafter\n\na remark"
    box = f"<w:p><w:r><w:t>before</w:t></w:r><w:r><w:txbxContent>{paragraph('in a box')}</w:txbxContent></w:r><w:r><w:t>after</w:t></w:r></w:p>"
    assert only("a.docx", docx(box)).text == "before\n\nin a box\n\nafter"


def test_a_book_is_read_in_its_order():
    chapters = {
        "one.xhtml": "<html><head><title>Eins</title></head><body><p>text one</p></body></html>",
        "t wo.xhtml": "<html><body><h1>Two</h1><p>text&nbsp;two</p></body></html>",
    }
    document = only("a.epub", epub(chapters, "<dc:title>Book</dc:title><dc:creator>Ann</dc:creator><dc:language>en</dc:language><dc:date>1999</dc:date><dc:subject>sea</dc:subject><dc:subject>ship</dc:subject>"))
    assert document.text == "text one\n\n# Two\n\ntext two"
    assert (document.title, document.language, document.date, document.tags, document.meta["author"]) == ("Book", "en", "1999", ("sea", "ship"), "Ann")
    assert at(document, "text one") == {"headings": ["Eins"]}
    assert at(document, "text two") == {"headings": ["Two"]}


def test_a_long_document_becomes_parts_that_know_their_places():
    body = "".join(paragraph(f"Chapter {number}", "H2") + paragraph(f"word{number} " * 100) for number in range(20))
    documents = readers.read("a.docx", docx(body, STYLES)).documents
    assert [document.id for document in documents] == [f"a.docx#{number}" for number in range(1, len(documents) + 1)]
    assert len(documents) > 3
    for document in documents:
        for number in range(20):
            if f"word{number} " in document.text:
                assert at(document, f"word{number} ") == {"headings": [f"Chapter {number}"]}


# Archives


def test_an_archive_gives_what_its_files_give():
    inner = zipped({"deep.txt": "deep", "no.exe": "MZ"})
    reading = readers.read("z.zip", zipped({"a.txt": "hello there", "b/c.md": "# hi\nyou", ".hidden.txt": "no", "in.zip": inner, "empty.txt": "", "../up.txt": "up"}))
    assert [document.id for document in reading.documents] == ["z.zip/a.txt", "z.zip/b/c.md#1", "z.zip/in.zip/deep.txt", "z.zip/../up.txt"]
    assert [(each.name, each.code) for each in reading.skipped] == [("z.zip/in.zip", "unsupported"), ("z.zip/empty.txt", "bad_input")]


# Front matter and fields


def test_front_matter_tells_of_the_document():
    text = "---\ntitle: 'Sea notes'\ndate: 2024-05-01T10:00\ntags:\n  - sea\n  - '#wood'\nlang: de-AT\nauthor: Ann\ncanonical: https://example.org/x\n---\n# One\n\ntext\n"
    document = only("a.md", text)
    assert (document.title, document.date, document.tags, document.language, document.url) == ("Sea notes: One", "2024-05-01", ("sea", "wood"), "de", "https://example.org/x")
    assert document.meta["author"] == "Ann"
    assert at(document, "text") == {"headings": ["One"], "line": 13}
    assert only("b.md", "---\ntags: [sea, 'big ship']\n---\ntext").tags == ("sea", "big ship")


def test_objects_are_read_by_names_that_mean_their_fields():
    document = only("a.json", '{"Name": "Tower", "body": "by the sea", "link": "https://example.org/", "height_m": 7}')
    assert (document.title, document.text, document.url, document.meta) == ("Tower", "by the sea", "https://example.org/", {"height_m": 7})


def test_an_object_without_such_names_is_found_by_its_strings():
    assert only("a.json", '{"keeper": {"sings": "low"}, "ships": ["Ada", "Bob"], "n": 7}').text == "sings: low\nships: Ada\nships: Bob"


def test_an_object_around_a_list_is_its_wrapping():
    documents = readers.read("a.json", b'{"total": 2, "page": [1], "items": [{"name": "One"}, {"name": "Two"}]}').documents
    assert [(each.id, each.title) for each in documents] == [("a.json#1", "One"), ("a.json#2", "Two")]
    assert only("a.json", '{"name": "Order", "items": [{"name": "One"}]}').title == "Order"
