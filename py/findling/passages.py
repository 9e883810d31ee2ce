"""A document's text cut into the passages that are embedded, and a book's text cut into parts.

Owns the lengths: at most 80 words, about 20 of them shared with the next passage, which keeps a passage under about 128
tokens. Where it can, a passage begins and ends where a sentence, a line of code, a row or an item does. Must not know engines or files:
pure functions of strings. Invariant: the spans are in order, each is inside the text, and together they cover every
word of it; the time is linear in the text.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from findling.documents import Document

CUTTING = 1
"""Raised whenever the same document is cut or embedded otherwise, so that what is stored is not taken for what it would be now."""

PASSAGE_WORDS = 80
"""Longer passages blur several thoughts into one vector, shorter ones lose the context that gives words their meaning."""
STRIDE_WORDS = 60
"""Less than PASSAGE_WORDS, so that a sentence cut by one passage is whole in the next."""
LEAST_WORDS = 40
"""A passage is not ended sooner, for a heading or a sentence; where neither comes in time it is cut at a word."""
FRESH_WORDS = 20
"""What a passage says at the least that the one before it does not."""
TITLE_WORDS = 24
"""A title stands in front of every passage; a longer one would leave too little room for the text."""
PART_CHARS = 3_000
"""About five hundred words, eight passages: a part is embedded in one go, and searches, progress and cancel come between parts."""

# A unit is what costs the model about one word: a run without blanks, cut every 24 characters; where a script is
# written without blanks (Han, kana) each character, because the model's tokenizer separates those too.
_BLANKLESS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(f"[{_BLANKLESS}]|[^\\s{_BLANKLESS}]{{1,24}}")

# Borders, from the weakest to the strongest; a passage ends at one, the next begins at one.
_LINE, _SENTENCE, _BLOCK, _HEADING = 1, 2, 3, 4

_HEADING_LINE = re.compile(r"[ ]{0,3}#{1,6}[ \t]+\S")
_FENCE_LINE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_ITEM_LINE = re.compile(r"[ \t]*(?:[-*+\u2022\u2013]|\d{1,4}[.)]|[a-zA-Z][.)])[ \t]+\S")
_ROW_LINE = re.compile(r"[^|\t\n]*(?:\|[^|\n]*\||\t[^\t\n]*\t)")
_CODE_LINE = re.compile(r"(?: {4}|\t)[ \t]*\S")
SHORT_LINE = 40
"""A line of fewer characters was ended on purpose, not because the page was full."""

# The end of a sentence. Signs of scripts without blanks need none after them.
_SENTENCE_END = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019\u00bb)\]]*(?=\s)|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d\uff09]*|[\u0964\u061f\u06d4](?=\s)")
_ABBREVIATION = re.compile(
    r"^[ \t]*\d{1,4}\.$|(?:^|[\s(\[\"'])(?:[^\W\d_]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Nr|Fig|figs?|cf|al|Inc|Ltd|Co|Vol|pp?|ed|eds|approx|resp|bzw|ca|usw|e\.g|i\.e|z\.B|d\.h|u\.a)\.$"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document's text, `text[start:end]` in code points; `embedded` is what the model sees (title in front)."""

    index: int
    start: int
    end: int
    embedded: str


def cut(document: Document) -> list[Passage]:
    """The passages of a document, at least one; a text of up to 80 words is one passage and is kept whole.

    A passage that begins inside a table has the table's first row in front of it.
    """
    text = document.text
    title = _first_units(document.title, TITLE_WORDS)
    units = [(match.start(), match.end()) for match in _UNIT.finditer(text)]
    if len(units) <= PASSAGE_WORDS:
        return [Passage(0, 0, len(text), _with_title(title, text))]
    borders = _borders(text, units)
    tables = _tables(text)
    passages: list[Passage] = []
    for first, last in _spans(len(units), borders):
        start, end = units[first][0], units[last - 1][1]
        row = next((text[head : head + length] for head, length, until in tables if head + length <= start < until), "")
        content = f"{_first_units(row, TITLE_WORDS)}\n{text[start:end]}" if row else text[start:end]
        passages.append(Passage(len(passages), start, end, _with_title(title, content)))
    return passages


def parts(text: str) -> list[str]:
    """A long text in consecutive pieces of at most `PART_CHARS`, cut at a blank line, a line's end or a space where there is one."""
    pieces = []
    start = 0
    while len(text) - start > PART_CHARS:
        window = text[start : start + PART_CHARS]
        # Only the last third is searched, so that no piece gets tiny.
        cuts = (window.rfind(mark, PART_CHARS * 2 // 3) + len(mark) for mark in ("\n\n", "\n", ". ", " "))
        length = next((cut for cut in cuts if cut > PART_CHARS * 2 // 3), PART_CHARS)
        pieces.append(text[start : start + length].strip())
        start += length
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _spans(count: int, borders: dict[int, int]) -> Iterator[tuple[int, int]]:
    """The passages as units [first, last) for texts of more than a passage's units."""
    first = last = 0
    while True:
        if count - first <= PASSAGE_WORDS:
            yield first, count
            return
        last = _end(first, last, borders)
        yield first, last
        if borders.get(last) == _HEADING:
            first = last
            continue
        # What two passages share begins at a sentence where one does, else it is as long as may be.
        shared = range(last - (PASSAGE_WORDS - STRIDE_WORDS), last)
        first = next((at for at in shared if at > first and at in borders), max(shared[0], first + 1))


def _end(first: int, before: int, borders: dict[int, int]) -> int:
    """Where a passage from unit `first` ends: before a heading or a block if that is far enough, else after a sentence.

    It says at least `FRESH_WORDS` that the one that ended at `before` did not.
    """
    full = first + PASSAGE_WORDS
    for strength, least in ((_HEADING, LEAST_WORDS), (_BLOCK, STRIDE_WORDS), (_SENTENCE, STRIDE_WORDS), (_LINE, LEAST_WORDS)):
        for at in range(full, max(first + least, before + FRESH_WORDS) - 1, -1):
            if borders.get(at, 0) >= strength:
                return at
    return full


def _borders(text: str, units: list[tuple[int, int]]) -> dict[int, int]:
    """For the units that a sentence, line or block begins with, how strong the border before them is."""
    starts = [start for start, _ in units]
    found: dict[int, int] = {}

    def note(offset: int, strength: int) -> None:
        at = bisect_left(starts, offset)
        if strength and 0 < at < len(starts):
            found[at] = max(found.get(at, 0), strength)

    # What follows a heading belongs to it, so that no passage ends with one.
    bound: set[int] = set()
    fenced = blank = headed = False
    before = ""
    offset = 0
    for line in text.split("\n"):
        kind = _kind(line, fenced)
        stripped = line.strip()
        if not stripped:
            blank = True
        else:
            if headed:
                bound.add(bisect_left(starts, offset))
            note(offset, _line_border(kind, before, blank, headed, line))
            headed = kind == "heading"
            before, blank = kind if kind != "prose" or len(stripped) >= SHORT_LINE else "short", False
        if kind == "fence":
            fenced = not fenced
        if kind in ("prose", "item"):
            for match in _SENTENCE_END.finditer(line):
                if not _ABBREVIATION.search(line, max(0, match.start() - 8), match.end()):
                    note(offset + match.end(), _SENTENCE)
        offset += len(line) + 1
    return {at: strength for at, strength in found.items() if at not in bound}


def _kind(line: str, fenced: bool) -> str:
    """What a line is: fence, code, heading, row, item or prose."""
    if _FENCE_LINE.match(line):
        return "fence"
    if fenced:
        return "code"
    if _HEADING_LINE.match(line):
        return "heading"
    if _ROW_LINE.match(line):
        return "row"
    if _ITEM_LINE.match(line):
        return "item"
    return "code" if _CODE_LINE.match(line) else "prose"


def _line_border(kind: str, before: str, blank: bool, headed: bool, line: str) -> int:
    """How strong the border before a line is, by what it and the last line with something in it are."""
    if kind == "heading":
        # A heading right under another one continues it.
        return _LINE if headed else _HEADING
    if kind == "code" and before == "code":
        return _SENTENCE if blank else _LINE
    if kind == before == "row" and not blank:
        return _LINE
    if kind == "item":
        return _SENTENCE if before == "item" and not blank else _BLOCK if blank or before != "prose" else _SENTENCE
    if blank:
        return _BLOCK
    if kind == "prose":
        return _LINE if before in ("short", "row") else 0
    return 0 if before == "fence" else _SENTENCE


def _tables(text: str) -> list[tuple[int, int, int]]:
    """Tables of three rows and more: where the first row begins, its length, and where the table ends."""
    tables: list[tuple[int, int, int]] = []
    rows: list[tuple[int, int]] = []
    offset = 0
    for line in [*text.split("\n"), ""]:
        if _ROW_LINE.match(line):
            rows.append((offset, len(line)))
        else:
            if len(rows) > 2:
                tables.append((*rows[0], rows[-1][0] + rows[-1][1]))
            rows = []
        offset += len(line) + 1
    return tables


def _with_title(title: str, text: str) -> str:
    text = " ".join(text.split())
    if not title or text.startswith(title):
        return text or title
    return f"{title}. {text}" if text else title


def _first_units(title: str, count: int) -> str:
    title = " ".join(title.split())
    for number, match in enumerate(_UNIT.finditer(title), 1):
        if number == count:
            return title[: match.end()]
    return title
