"""E-books (.epub): the chapters in reading order (EPUB 3.3, https://www.w3.org/TR/epub-33/).

Owns the way from the package file to the chapters. Must not know ZIP or HTML. Invariant: a chapter that is missing or
damaged costs only itself.
"""

from collections.abc import Iterator
from urllib.parse import unquote

from findling.errors import BadInput, FindlingError
from findling.readers import File, Reading, decode, reason_of
from findling.readers.layout import Layout
from findling.readers.office import described
from findling.readers.web_page import add_blocks, collect
from findling.readers.xml_events import events, local
from findling.readers.zips import Container

MAX_CHAPTERS = 10_000
MAX_CHAPTER_BYTES = 16 * 1024 * 1024
_MANY = ("subject",)


def read(file: File, reading: Reading) -> Iterator[None]:
    """The chapters as one text in parts, each with the headings above it."""
    container = Container(file)
    told, chapters = _package(container)
    if len(chapters) > MAX_CHAPTERS:
        raise BadInput(f"it has {len(chapters)} chapters, the limit is {MAX_CHAPTERS}", limit=MAX_CHAPTERS)
    layout = Layout()
    for chapter in chapters:
        file.budget.check()
        yield
        try:
            page = collect(decode(container.read(chapter, MAX_CHAPTER_BYTES)), file)
        except FindlingError as error:
            reading.faults.append((chapter.rpartition("/")[2], reason_of(error)))
            continue
        # A chapter without a heading is found by the title of its page.
        title = " ".join(page.head.get("title", "").split())
        headed = any(block.level for block in page.blocks)
        above = (title,) if title and not headed and title != told.get("title") else ()
        add_blocks(layout, page.blocks, above=above)
    if layout or told.get("title"):
        fields = described({**told, "keywords": told.get("subject", ""), "subject": ""})
        reading.documents += layout.documents(file.name, kind="book", **fields)


def _package(container: Container) -> tuple[dict[str, str], list[str]]:
    """What the book says of itself, and the entries of its chapters in the order they are read."""
    path = next(
        (attributes.get("full-path", "") for sort, name, attributes in events(container.read("META-INF/container.xml")) if sort == "start" and local(name) == "rootfile"),
        "",
    )
    told: dict[str, str] = {}
    items: dict[str, str] = {}
    spine: list[str] = []
    inner: list[str] = []
    for sort, value, attributes in events(container.read(path)):
        if sort == "end":
            inner.pop()
        elif sort == "text":
            if len(inner) > 1 and inner[-2] == "metadata" and value.strip():
                key = inner[-1]
                told[key] = told[key] + (", " if key in _MANY else "") + value.strip() if key in told and (key in _MANY or told[key]) else value.strip()
        else:
            name = local(value)
            inner.append(name)
            if name == "item" and ("html" in attributes.get("media-type", "")):
                items[attributes.get("id", "")] = attributes.get("href", "")
            elif name == "itemref" and attributes.get("linear") != "no":
                spine.append(attributes.get("idref", ""))
    folder = path.rpartition("/")[0]
    return told, [_joined(folder, items[id]) for id in dict.fromkeys(spine) if id in items]


def _joined(folder: str, href: str) -> str:
    """The entry that an address in the package file means."""
    parts: list[str] = []
    for part in [*folder.split("/"), *unquote(href.partition("#")[0]).split("/")]:
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
