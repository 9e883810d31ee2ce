"""Word processing documents: DOCX (ECMA-376) and ODT (OASIS OpenDocument).

Owns what of their XML is text, heading, list, table or page. Must not know ZIP or XML. Invariant: words stand in the order of the document; what was
deleted while changes were tracked is left out.
"""

import re
from collections.abc import Iterator
from typing import Any

from findling.readers import File, Reading, suffix_of
from findling.readers.layout import Layout, short
from findling.readers.xml_events import events, local
from findling.readers.zips import Container

MAX_XML_BYTES = 64 * 1024 * 1024
EVENTS_BETWEEN_LOOKS = 5_000

_WORD_NOTES = ("word/footnotes.xml", "word/endnotes.xml", "word/comments.xml")
_WORD_DROPPED = frozenset({"del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sectPr", "Fallback"})
_DUBLIN_CORE = "http://purl.org/dc/"
"""Within a text it says who wrote a remark, and when."""
_ODT_DROPPED = frozenset({"note-citation", "tracked-changes", "sequence-decls", "forms", "annotation-end", "object", "table-of-content-source"})
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop|rubrik|overskrift|заголовок)[ _]?(\d)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def read(file: File, reading: Reading) -> Iterator[None]:
    """The text of a DOCX or ODT with the headings above it; pages where the file has kept where they end."""
    container = Container(file)
    layout = Layout()
    if suffix_of(file.name) in (".docx", ".docm", ".dotx"):
        told = _core(container, "docProps/core.xml")
        yield from _word(container, layout, file)
    else:
        told = _core(container, "meta.xml")
        yield from _open_document(container, layout, file)
    if layout or told.get("title"):
        reading.documents += layout.documents(file.name, kind="document", **described(told))


def described(told: dict[str, str]) -> dict[str, Any]:
    """The fields of documents from Dublin Core and its like: title, date, tags, language, and what is known besides."""
    date = _DATE.match(told.get("created") or told.get("creation-date") or told.get("date", ""))
    tags = re.split(r"[,;]", told.get("keywords", "")) + told.get("keyword", "").split("\n")
    language = re.match(r"[a-z]{2,3}(?=$|[-_])", told.get("language", ""))
    return {
        "title": told.get("title", ""),
        "date": date[0] if date else told.get("date", "")[:4] if re.match(r"\d{4}", told.get("date", "")) else "",
        "tags": tuple(dict.fromkeys(tag for each in tags[:100] if (tag := short(each)[:100]))),
        "language": language[0] if language else "",
        "meta": {"author": short(told.get("creator") or told.get("initial-creator", "")), "subject": short(told.get("subject", "")), "description": short(told.get("description", ""))},
    }


def _core(container: Container, name: str) -> dict[str, str]:
    """What a file says of itself: the text of each element of its properties by the element's name."""
    told: dict[str, str] = {}
    if not container.has(name):
        return told
    inner: list[str] = []
    for sort, value, _ in events(container.read(name, MAX_XML_BYTES)):
        if sort == "start":
            inner.append(local(value))
        elif sort == "end":
            inner.pop()
        elif inner and value.strip():
            key = inner[-1]
            told[key] = f"{told[key]}\n{value}" if key == "keyword" and key in told else told.get(key, "") + value
    return told


def _levels(container: Container) -> dict[str, int]:
    """The styles of a DOCX that are headings, and their level; styles are named in the language of their author."""
    levels: dict[str, int] = {}
    based: dict[str, str] = {}
    style = ""
    if not container.has("word/styles.xml"):
        return levels
    for sort, value, attributes in events(container.read("word/styles.xml", MAX_XML_BYTES)):
        name = local(value) if sort == "start" else ""
        told = {local(key): each for key, each in attributes.items()}
        if name == "style":
            style = told.get("styleId", "")
        elif name == "name" and style and (match := _HEADING.match(told.get("val", ""))):
            levels[style] = int(match[1])
        elif name == "name" and style and told.get("val", "").lower() == "title":
            levels[style] = 1
        elif name == "basedOn" and style:
            based[style] = told.get("val", "")
        elif name == "outlineLvl" and style and told.get("val", "").isdigit() and int(told["val"]) < 9:
            levels.setdefault(style, int(told["val"]) + 1)
    for style, parent in based.items():
        if style not in levels and parent in levels:
            levels[style] = levels[parent]
    return levels


class _Flow:
    """Paragraphs as they end, put into a layout below their headings; cells of a row as one line."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._path: list[tuple[int, str]] = []
        self._before = ""
        self.text: list[str] = []
        self.cells: list[str] = []
        self.tables = 0
        self.page: int | None = None

    def paragraph(self, level: int = 0, item: bool = False) -> None:
        text = "".join(self.text)
        self.text.clear()
        if not text.strip():
            return
        if self.tables:
            self.cells.append(" ".join(text.split()))
        else:
            self._add(text, level, "item" if item else "")

    def row(self) -> None:
        self._add("\t".join(cell for cell in self.cells if cell), 0, "row")
        self.cells.clear()

    def _add(self, text: str, level: int, sort: str) -> None:
        shown = text.strip()
        if not shown:
            return
        if level:
            self._path = [*(each for each in self._path if each[0] < level), (level, " ".join(shown.split())[:200])]
            shown = f"{'#' * min(level, 6)} {' '.join(shown.split())}"
        where = {} if self.page is None else {"page": self.page}
        self._layout.add(shown, headings=tuple(name for _, name in self._path), gap="\n" if sort and sort == self._before else "\n\n", **where)
        self._before = sort


def _word(container: Container, layout: Layout, file: File) -> Iterator[None]:
    levels = _levels(container)
    flow = _Flow(layout)
    data = container.read("word/document.xml", MAX_XML_BYTES)
    # Word leaves a mark where a page ended when it last showed the document.
    flow.page = 1 if b"lastRenderedPageBreak" in data else None
    for number, name in enumerate(("word/document.xml", *_WORD_NOTES)):
        if number and not container.has(name):
            continue
        flow.page = flow.page if number == 0 else None
        level, item, dropped = 0, False, 0
        for count, (sort, value, attributes) in enumerate(events(data if number == 0 else container.read(name, MAX_XML_BYTES))):
            if count % EVENTS_BETWEEN_LOOKS == 0:
                file.budget.check()
                yield
            tag = local(value) if sort != "text" else ""
            if sort == "text":
                if not dropped:
                    flow.text.append(value)
            elif sort == "start":
                if dropped or tag in _WORD_DROPPED:
                    dropped += 1
                    # Properties of a paragraph hold no text, but say what it is.
                    if tag == "pStyle":
                        level = levels.get(_value(attributes), 0)
                    elif tag == "outlineLvl" and _value(attributes).isdigit() and int(_value(attributes)) < 9:
                        level = int(_value(attributes)) + 1
                    elif tag == "numPr":
                        item = True
                elif tag == "p":
                    # A box of text lies in the middle of a paragraph.
                    flow.paragraph(level, item)
                    level, item = 0, False
                elif tag == "tbl":
                    flow.tables += 1
                elif tag == "lastRenderedPageBreak" and flow.page is not None:
                    flow.page += 1
                elif tag in ("tab", "br", "cr"):
                    flow.text.append("\t" if tag == "tab" else "\n")
            elif dropped:
                dropped -= 1
            elif tag == "p":
                flow.paragraph(level, item)
            elif tag == "tr" and flow.tables == 1:
                flow.row()
            elif tag == "tbl":
                flow.tables -= 1


def _value(attributes: dict[str, str]) -> str:
    return next((value for name, value in attributes.items() if local(name) == "val"), "")


def _open_document(container: Container, layout: Layout, file: File) -> Iterator[None]:
    flow = _Flow(layout)
    data = container.read("content.xml", MAX_XML_BYTES)
    flow.page = 1 if b"soft-page-break" in data else None
    level = dropped = lists = body = 0
    for count, (sort, value, attributes) in enumerate(events(data)):
        if count % EVENTS_BETWEEN_LOOKS == 0:
            file.budget.check()
            yield
        tag = local(value) if sort != "text" else ""
        if sort == "text":
            if body and not dropped:
                flow.text.append(" ".join(value.split("\n")))
        elif sort == "start":
            if dropped or tag in _ODT_DROPPED or value.startswith(_DUBLIN_CORE):
                dropped += 1
                continue
            told = {local(key): each for key, each in attributes.items()}
            body += tag == "body"
            lists += tag == "list"
            flow.tables += tag == "table"
            if tag in ("p", "h"):
                # A note lies in the middle of a paragraph.
                flow.paragraph(level, lists > 0)
                level = 0
            if tag == "h":
                level = int(told["outline-level"]) if told.get("outline-level", "").isdigit() else 1
            elif tag == "s":
                flow.text.append(" " * min(int(told["c"]), 100) if told.get("c", "").isdigit() else " ")
            elif tag in ("tab", "line-break"):
                flow.text.append("\t" if tag == "tab" else "\n")
            elif tag == "soft-page-break" and flow.page is not None:
                flow.page += 1
        elif dropped:
            dropped -= 1
        elif tag in ("p", "h"):
            flow.paragraph(level if tag == "h" else 0, lists > 0)
            level = 0
        elif tag == "table-row" and flow.tables == 1:
            flow.row()
        elif tag == "list":
            lists -= 1
        elif tag == "table":
            flow.tables -= 1
