"""Files to documents: formats, encodings, and input that is broken or hostile.

Invariant under test: any bytes end as documents or as an error with a code, and what is broken costs only itself.
"""

import json
from dataclasses import replace

import pytest

from findling import readers
from findling.documents import MAX_TEXT_CHARS
from findling.errors import BadInput, Unsupported
from findling.readers import csv_rows, json_lines, json_objects


def read(name, data):
    return readers.read(name, data.encode() if isinstance(data, str) else data)


def titles(reading):
    return [document.title for document in reading.documents]


# Encodings

TEXT = "Größe – “naïve” café"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-16 big endian", "utf-32", "windows-1252"],
)
def test_text_is_the_same_in_every_encoding(data):
    assert readers.decode(data) == TEXT


def test_utf8_with_a_broken_byte_keeps_the_rest():
    data = "Füße, Bäume, Häuser".encode().replace("ä".encode(), b"\xc3", 1)
    assert readers.decode(data) == "Füße, B\ufffdume, Häuser"


def test_a_byte_that_windows_1252_has_not_is_read_as_latin_1():
    assert readers.decode(b"caf\xe9 \x81") == "café \x81"


@pytest.mark.parametrize("data", [b"a\x00b", b"\x01\x02\x03\x04\xff\xfe", b"\xff\xfea\x00\x00\x00", b"%PDF-1.4\x00\xff"])
def test_bytes_that_are_no_text_are_refused(data):
    with pytest.raises(BadInput, match="not text"):
        readers.decode(data)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Привет, как дела? Сегодня мы пойдём на море смотреть маяк."),
        ("koi8-r", "Привет, как дела? Сегодня мы пойдём на море смотреть маяк."),
        ("cp866", "Привет, как дела? Сегодня мы пойдём на море."),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
        ("cp1250", "Latarnik śpiewa nad morzem, a fale są żółte i błękitne"),
        ("cp1253", "Ο φύλακας του φάρου τραγουδά δίπλα στη θάλασσα."),
        ("cp1254", "Deniz feneri bekçisi şarkı söylüyor, çok güzel."),
        ("cp1255", "שומר המגדלור שר ליד הים בלילה"),
        ("cp1256", "حارس المنارة يغني بجانب البحر"),
        ("cp874", "คนเฝ้าประภาคารร้องเพลงริมทะเล"),
        ("cp932", "灯台守は海を見ながら歌っている。今日は風が強い。"),
        ("euc_jp", "灯台守は海を見ながら歌っている。今日は風が強い。"),
        ("gb18030", "灯塔看守人在海边唱歌。今天的风很大，我们不能出海。"),
        ("big5", "燈塔看守人在海邊唱歌。今天的風很大，我們不能出海。"),
        ("cp949", "등대지기는 바다를 보며 노래한다. 오늘은 바람이 강하다."),
        ("cp1252", "Où est la fenêtre ? Ça ne va pas à l’hôtel, mon œil."),
        ("cp1252", "Perché il mare è più blu? Così è la città, però."),
        ("cp1252", "Fyrvogteren så på havet, og ældre både sejlede forbi øen."),
        ("cp1252", "El niño comió piñas en la montaña, ¿qué más? 20 °C, 5½ m²"),
        ("utf-16-le", "A lighthouse — without a mark"),
        ("utf-16-be", "Ein Leuchtturm – ohne Marke!"),
    ],
)
def test_the_encoding_of_a_text_is_guessed_from_its_letters(encoding, text):
    assert readers.decode(text.encode(encoding)) == text


def test_an_encoding_that_waits_is_asked_for(monkeypatch):
    monkeypatch.setattr("findling.readers.encodings.complete", lambda: False)
    assert readers.decode("Größe und Maß".encode("cp1252")) == "Größe und Maß"
    with pytest.raises(readers.Needs):
        readers.read("a.txt", "Привет, как дела?".encode("cp1251"))


def test_line_ends_become_newlines():
    assert readers.decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


# Names and limits


@pytest.mark.parametrize("name", ["a.exe", "noext", ".txt", "archive.tar.gz", "a.txt/b"])
def test_other_files_are_unsupported_and_the_message_tells_what_is(name):
    with pytest.raises(Unsupported, match="tables"):
        read(name, "text")


def test_a_file_over_the_limit_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setitem(readers.BY_SUFFIX, ".txt", replace(readers.BY_SUFFIX[".txt"], max_bytes=10))
    with pytest.raises(BadInput, match="limit is 10"):
        read("a.txt", b"\x00" * 11)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.jsonl", "a.csv"])
@pytest.mark.parametrize("data", ["", " \n\t\n", "\ufeff"])
def test_an_empty_file_says_so(name, data):
    with pytest.raises(BadInput, match="empty"):
        read(name, data)


def test_a_name_loses_the_characters_that_disguise_it():
    assert readers.clean_name("invoice\u202etxt.exe\x00\n.md") == "invoicetxt.exe.md"
    assert readers.clean_name("\u202e") == "unnamed"


@pytest.mark.parametrize(
    ("name", "title"),
    [("notes/big_plans-2024.final.txt", "big plans 2024.final"), ("C:\\docs\\plan.md", "plan"), ("__.txt", "__.txt")],
)
def test_a_title_is_made_from_a_name(name, title):
    assert readers.title_of(name) == title


@pytest.mark.parametrize(
    ("module", "limit", "name", "text", "kept"),
    [
        (csv_rows, "MAX_ROWS", "x.csv", "title\n" + "row\n" * 5, 3),
        (csv_rows, "MAX_COLUMNS", "x.csv", "title,text\na,b\n" + "c," * 9, 1),
        (json_lines, "MAX_ITEMS", "x.jsonl", '{"title": "a"}\n' * 5, 3),
        (json_lines, "MAX_LINE_CHARS", "x.jsonl", '1\n{"title": "a long line"}\n"a"\n[]\n', 0),
    ],
)
def test_what_is_over_a_limit_is_a_fault_and_the_rest_is_kept(monkeypatch, module, limit, name, text, kept):
    monkeypatch.setattr(module, limit, 3)
    if kept:
        reading = read(name, text)
        assert len(reading.documents) == kept
        assert "limit" in reading.reason()
    else:
        with pytest.raises(BadInput, match="limit"):
            read(name, text)


def test_an_array_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(json_objects, "MAX_ITEMS", 3)
    with pytest.raises(BadInput, match="limit"):
        read("x.json", json.dumps([{"title": "a"}] * 4))


# Text


def test_a_text_is_one_document_with_the_name_as_id():
    (document,) = read("harbour.txt", "The keeper sings.\n").documents
    assert (document.id, document.title, document.text) == ("harbour.txt", "harbour", "The keeper sings.")


def test_a_long_text_becomes_parts_that_hold_all_of_it():
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 60 for number in range(200))
    documents = read("book.txt", text).documents
    assert len(documents) > 5
    assert " ".join(document.text for document in documents).split() == text.split()
    assert [document.id for document in documents[:2]] == ["book.txt#1", "book.txt#2"]
    assert documents[2].meta == {"file": "book.txt", "part": 3, "parts": len(documents)}
    assert all(document.text.startswith("Paragraph") for document in documents), "cut between paragraphs"


# Markdown


MARKDOWN = """---
title: "Sea handbook"
date: 2024-01-01
---
An *introduction* with [a link](https://example.org/a_(b)) &amp; `code`.

# Ships
<!-- # hidden -->
> They **float**, ![mostly](x.png).

```python
# not a heading
value = [1](2)
```

Anchors
-------
- [x] hold
  1. a ship
| one | two |
|-----|:---:|
| three | four |

## Empty

### Deep
Down there.
"""


def test_markdown_becomes_sections_with_headings_as_titles():
    reading = read("sea.md", MARKDOWN)
    assert titles(reading) == ["Sea handbook", "Sea handbook: Ships", "Sea handbook: Anchors", "Sea handbook: Deep"]
    assert [document.id for document in reading.documents] == ["sea.md#0", "sea.md#1", "sea.md#2", "sea.md#4"]


def test_markup_is_reduced_to_what_a_reader_sees():
    texts = [document.text for document in read("sea.md", MARKDOWN).documents]
    assert texts[0] == "An introduction with a link & code."
    assert texts[1] == "They float, mostly.\n\n# not a heading\nvalue = [1](2)"
    assert texts[2] == "hold\na ship\none two\nthree four"


def test_the_only_first_heading_is_the_title_of_the_document():
    assert titles(read("a.md", "# Boats\ntext\n## Oars\ntext\n")) == ["Boats", "Boats: Oars"]


def test_underscores_within_words_stay():
    assert read("a.md", "call my_long_name and _this_ and __that__").documents[0].text == "call my_long_name and this and that"


def test_a_heading_without_text_is_still_found_by_its_words():
    assert titles(read("a.md", "# A\ntext\n# Wanted: lighthouse keeper\n")) == ["A", "Wanted: lighthouse keeper"]


# JSON


@pytest.mark.parametrize(
    "value",
    [
        [{"title": "a"}, {"text": "b", "id": "own"}],
        {"documents": [{"title": "a"}, {"text": "b", "id": "own"}]},
    ],
    ids=["array", "documents"],
)
def test_json_holds_documents(value):
    documents = read("x.json", json.dumps(value)).documents
    assert [(document.id, document.title, document.text) for document in documents] == [("x.json#1", "a", ""), ("own", "", "b")]


def test_a_json_object_is_one_document_and_other_fields_go_to_meta():
    (document,) = read("x.json", json.dumps({"text": "b", "year": 1999, "tags": ["c"], "meta": {"d": None}})).documents
    assert document.title == "x"
    assert document.meta == {"year": 1999, "d": None}
    assert document.tags == ("c",)


def lines_of(document):
    """The line that each line of a document's text is said to stand on."""
    starts = [at for at in range(len(document.text)) if at == 0 or document.text[at - 1] == "\n"]
    return [document.place(start)["line"] for start in starts]


def test_sections_of_markdown_know_their_headings_and_lines():
    text = "---\ntitle: Book\n---\n# One\n\nfirst\n\n<!-- a\nb -->\n---\nafter a rule\n\n## Two\n- deep\n### Three\ndeepest\n# Four\nlast\n"
    documents = read("a.md", text).documents
    assert [(list(document.place(0)["headings"]), lines_of(document)) for document in documents] == [
        (["One"], [6, 7, 11]),
        (["One", "Two"], [14]),
        (["One", "Two", "Three"], [16]),
        (["Four"], [18]),
    ]


def test_parts_of_a_text_know_their_lines():
    text = "\n\n".join(f"{'word ' * 30}number {number}" for number in range(60))
    documents = read("a.txt", text).documents
    assert len(documents) > 2
    lines = text.split("\n")
    for document in documents:
        for number, line in zip(lines_of(document), document.text.split("\n"), strict=True):
            assert line in lines[number - 1]


def test_columns_of_tags_and_dates_are_fields():
    (document,) = read("a.csv", "title,keywords,date,size\nAnchor,\"sea, iron\",2024-05-01,7\n").documents
    assert (document.tags, document.date, document.meta) == (("sea", "iron"), "2024-05-01", {"size": "7"})


def test_items_that_are_no_documents_are_faults_by_position():
    reading = read("x.json", json.dumps([{"title": "a"}, 5, {"title": 7}, {}, {"text": "x" * (MAX_TEXT_CHARS + 1)}]))
    assert titles(reading) == ["a"]
    assert [place for place, _ in reading.faults] == ["item 2", "item 3", "item 4", "item 5"]
    assert reading.reason().endswith("and 1 more")


@pytest.mark.parametrize("text", ["{", "[1, 2", '{"a": }', "nonsense", '"text"', "5", "null", "1" * 5000])
def test_broken_or_foreign_json_is_bad_input(text):
    with pytest.raises(BadInput):
        read("x.json", text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 70 + "]" * 70])
def test_deep_json_is_refused_before_it_is_parsed(text, monkeypatch):
    def never(_text):
        raise AssertionError("parsed")

    monkeypatch.setattr(json_objects.json, "loads", never)
    with pytest.raises(BadInput, match="deep"):
        read("x.json", text)


def test_brackets_within_strings_are_not_depth():
    assert read("x.json", json.dumps({"text": "[" * 1000 + '\\"{'})).documents[0].text.startswith("[[[")


def test_numbers_that_json_has_not_are_faults():
    with pytest.raises(BadInput, match="finite"):
        read("x.json", '{"text": "a", "n": 1e999}')


def test_lone_surrogates_become_replacement_characters():
    (document,) = read("x.json", r'{"text": "a\ud83d b", "id": "\udc00", "meta": {"\ud800k": ["\ud800"]}}').documents
    assert (document.text, document.id, document.meta) == ("a\ufffd b", "\ufffd", {"\ufffdk": ["\ufffd"]})
    json.dumps(document.record([]), ensure_ascii=False).encode()


def test_jsonl_counts_lines_and_a_broken_line_costs_that_line():
    reading = read("x.jsonl", '{"title": "a"}\n\n{"title": \n[]\n{"title": "b"}')
    assert [(document.id, document.title) for document in reading.documents] == [("x.jsonl#1", "a"), ("x.jsonl#5", "b")]
    assert [place for place, _ in reading.faults] == ["line 3", "line 4"]


# CSV


def fields(reading):
    return [(document.title, document.text, document.meta) for document in reading.documents]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_named_columns_become_fields_and_others_meta(delimiter):
    text = "Year,Name,Description,URL\n1999,Anchor,holds a ship,https://example.org\n".replace(",", delimiter)
    reading = read("x.csv", text)
    assert fields(reading) == [("Anchor", "holds a ship", {"Year": "1999"})]
    assert reading.documents[0].url == "https://example.org"
    assert reading.documents[0].id == "x.csv#2"


def test_quoted_cells_keep_their_line_ends_and_delimiters():
    assert fields(read("x.csv", 'title,text\n"a, b","first\nsecond ""third"""\n')) == [("a, b", 'first\nsecond "third"', {})]


def test_without_known_names_the_first_column_is_the_title_and_the_rest_the_text():
    assert fields(read("x.csv", "fruit,weight\napple,100\npear,120\n")) == [
        ("apple", "100", {"weight": "100"}),
        ("pear", "120", {"weight": "120"}),
    ]


def test_without_a_header_every_row_is_a_document():
    assert [(title, text) for title, text, _ in fields(read("x.csv", "apple,red fruit\npear,green fruit\n"))] == [
        ("apple", "red fruit"),
        ("pear", "green fruit"),
    ]


def test_a_quote_that_never_ends_costs_only_the_rows_from_there():
    reading = read("x.csv", 'title,text\na,b\nc,"' + "d" * 200_000)
    assert titles(reading) == ["a"]
    assert "left out" in reading.reason()


def test_rows_without_text_are_faults_by_line():
    reading = read("x.csv", "id,title,text\n1,a,b\n2,,\n3,c,d\n")
    assert titles(reading) == ["a", "c"]
    assert reading.faults[0][0] == "line 3"
