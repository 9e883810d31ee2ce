"""A document's text cut into the passages that are embedded, and a book's text cut into parts.

Owns the lengths: 80 words, 20 of them shared with the next passage, which keeps a passage under about 128 tokens. Must
not know engines or files: pure functions of strings. Invariant: the spans are in order, each is inside the text, and
together they cover every word of it.
"""

import re

from findling.documents import Document, Passage

PASSAGE_WORDS = 80
"""Longer passages blur several thoughts into one vector, shorter ones lose the context that gives words their meaning."""
STRIDE_WORDS = 60
"""Less than PASSAGE_WORDS, so that a sentence cut by one passage is whole in the next."""
TITLE_WORDS = 24
"""A title stands in front of every passage; a longer one would leave too little room for the text."""
PART_CHARS = 3_000
"""About five hundred words, eight passages: a part is embedded in one go, and searches, progress and cancel come between parts."""

# A unit is what costs the model about one word: a run without blanks, cut every 24 characters; where a script is
# written without blanks (Han, kana) each character, because the model's tokenizer separates those too.
_BLANKLESS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(f"[{_BLANKLESS}]|[^\\s{_BLANKLESS}]{{1,24}}")


def cut(document: Document) -> list[Passage]:
    """The passages of a document, at least one; a text of up to 80 words is one passage and is kept whole."""
    text = document.text
    title = _first_units(document.title, TITLE_WORDS)
    units = [(match.start(), match.end()) for match in _UNIT.finditer(text)]
    if len(units) <= PASSAGE_WORDS:
        return [Passage(0, 0, len(text), _with_title(title, text))]
    passages: list[Passage] = []
    for first in range(0, len(units), STRIDE_WORDS):
        last = min(first + PASSAGE_WORDS, len(units)) - 1
        start, end = units[first][0], units[last][1]
        passages.append(Passage(len(passages), start, end, _with_title(title, text[start:end])))
        if last == len(units) - 1:
            break
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
