"""PDF, by way of pypdf: the text of the pages, their numbers, and the outline as headings.

Owns what a page's text looks like and what may be spent on it. The only file that names pypdf. Must not know how PDF
works. Invariant: a page that cannot be read costs only itself; what pypdf logs is shown to nobody.
"""

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import pypdf
from pypdf.errors import DependencyError

from findling.errors import BadInput
from findling.readers import File, Reading
from findling.readers.layout import Layout, short
from findling.readers.web_page import language_of

MAX_PAGES = 5_000
MAX_PAGE_CHARS = 200_000
MAX_OUTLINE = 10_000
MAX_OUTLINE_DEPTH = 16
_LIMITS: dict[str, Any] = {
    "zlib_maximum_output_length": 32_000_000,
    "lzw_maximum_output_length": 32_000_000,
    "run_length_maximum_output_length": 32_000_000,
    "array_based_stream_maximum_output_length": 32_000_000,
    "stream_decoding_work_maximum_length": 100_000_000,
    "stream_parsing_work_maximum_count": 500_000,
    "page_tree_maximum_page_entries": 200_000,
    "xform_maximum_invocations_per_extraction": 500,
}
"""A page of text has a few ten thousand bytes; these are a page of maps."""

_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?=[a-z\u00df-\u00f6\u00f8-\u00ff\u0430-\u044f])")
# What fonts draw as one sign, people search for letter by letter.
_LIGATURES = str.maketrans({0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st", 0xAD: None})
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")


def read(file: File, reading: Reading) -> Iterator[None]:
    """The text page by page; words that a line's end cut in two are joined."""
    logger = logging.getLogger("pypdf")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    with pypdf.apply_configuration(**_LIMITS):
        pages = _opened(file)
        count = len(pages.pages)
        told = _told(pages)
        headings = _outline(pages)
    yield
    if count > MAX_PAGES:
        reading.faults.append((f"page {MAX_PAGES + 1}", f"the file has {count} pages, the limit is {MAX_PAGES}; the others were left out"))
    layout = Layout()
    for number in range(1, min(count, MAX_PAGES) + 1):
        try:
            with pypdf.apply_configuration(**_LIMITS):
                text = pages.pages[number - 1].extract_text()
        except Exception as error:  # noqa: BLE001 - whatever pypdf raises, the other pages are still there
            reading.faults.append((f"page {number}", f"{type(error).__name__}: {str(error)[:200]}"))
        else:
            _add(layout, text[:MAX_PAGE_CHARS], _path(headings, number), number)
        file.budget.check()
        yield
    if not layout:
        if not reading.faults:
            raise BadInput("it has no text in it, only images of pages; run it through character recognition (OCR) first")
        return
    reading.documents += layout.documents(file.name, kind="pdf", **told)


def _opened(file: File) -> pypdf.PdfReader:
    """The file, unlocked where no password is needed."""
    try:
        pages = pypdf.PdfReader(file.stream())
        if pages.is_encrypted and not pages.decrypt(""):
            raise BadInput("it is locked with a password; save it without one")
    except DependencyError as error:
        raise BadInput("it is encrypted in a way that cannot be read here; save it without encryption") from error
    return pages


def _told(pages: pypdf.PdfReader) -> dict[str, Any]:
    """What the file says of itself, as fields of documents."""
    try:
        information = {str(key).lstrip("/").lower(): str(value) for key, value in (pages.metadata or {}).items()}
        language = str(pages.root_object.get("/Lang", ""))
    except Exception:  # noqa: BLE001 - a file without a readable description is still read
        return {}
    date = _PDF_DATE.match(information.get("creationdate", ""))
    return {
        "title": information.get("title", ""),
        "date": "-".join(part for part in date.groups() if part) if date else "",
        "language": language_of(language),
        "tags": tuple(dict.fromkeys(tag for each in re.split(r"[,;]", information.get("keywords", ""))[:100] if (tag := short(each)[:100]))),
        "meta": {"author": short(information.get("author", "")), "subject": short(information.get("subject", ""))},
    }


def _outline(pages: pypdf.PdfReader) -> list[tuple[int, tuple[str, ...]]]:
    """For the pages where something of the outline begins, in order, the path of headings that holds from there."""
    found: list[tuple[int, tuple[str, ...]]] = []

    def walk(items: list[Any], above: tuple[str, ...]) -> None:
        path = above
        for item in items:
            if isinstance(item, list):
                if len(above) < MAX_OUTLINE_DEPTH:
                    walk(item, path)
                continue
            if len(found) >= MAX_OUTLINE:
                return
            path = (*above, short(str(item.title))[:200])
            page = pages.get_destination_page_number(item)
            if page is not None:
                found.append((page + 1, path))

    try:
        walk(pages.outline, ())
    except Exception:  # noqa: BLE001 - headings are a help, no more
        return []
    return sorted(found, key=lambda entry: entry[0])


def _path(headings: list[tuple[int, tuple[str, ...]]], page: int) -> tuple[str, ...]:
    at = bisect_right(headings, page, key=lambda entry: entry[0])
    return headings[at - 1][1] if at else ()


def _add(layout: Layout, text: str, headings: tuple[str, ...], page: int) -> None:
    """A page's text, its lines without blanks at the ends."""
    lines = "\n".join(line.strip() for line in text.replace("\u00ad\n", "").translate(_LIGATURES).split("\n"))
    layout.add(_BLANK_LINES.sub("\n\n", _HYPHEN.sub("", lines)), headings=headings, page=page)
