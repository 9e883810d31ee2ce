"""What a person typed -> the plan an engine answers.

Owns the reading of the query (`"phrases"`, `title:word`, `-word`, `field:value`), the legs and the keys of a plan. Must not know how a
plan is carried out, nor what a word is. Invariant: any string gives a plan or None, None meaning that there is nothing
to search for; what is no operator is words, so a sentence that was pasted is searched as it stands.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from findling.documents import well_formed
from findling.errors import BadRequest

DEFAULT_LIMIT = 10
MAX_CHARS = 2_000
"""The model reads at most a few hundred tokens; what lies beyond cannot change the answer."""
MAX_OPERATORS = 32
"""What comes after so many operators is words."""
LEGS = ("both", "meaning", "words")
ENCODERS = ("auto", "model", "static")
FIELDS = {"title": "title", "text": "text", "tags": "tags", "tag": "tags", "path": "path", "url": "path"}
"""What can stand before a colon to look for a word in one field only."""

# For each quotation mark that opens the marks that close it; half of a pair is often typed as the plain one.
_CLOSING = {
    '"': '"\u201d',
    "\u201c": '\u201d\u201c"',
    "\u201d": '\u201d"',
    "\u201e": '\u201c\u201d"',
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab\u00bb",
    "\u2039": "\u203a",
    "\u203a": "\u2039\u203a",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\uff02": "\uff02",
    "\u301d": "\u301e\u301f",
}
_ALWAYS_OPENING = "\u201e\u300c\u300e\u301d"
"""These never close and stand in no word, so they open within one too: scripts without blanks put none before them."""
_MINUS = "-\u2212"
_NAME = re.compile(r"([^\s:\"<>=]{1,80})[:\uff1a](?=[^\s:\uff1a])")
_COMPARED = re.compile(r"(>=|<=|>|<)(.+)")
_BETWEEN = re.compile(r"(.*?)\.\.(.*)")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")
_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?")


@dataclass(slots=True)
class Query:
    """A query as it was understood: `text` is what is embedded, `free` the words without operator, the rest as a plan has it."""

    text: str = ""
    free: str = ""
    phrases: list[dict[str, str]] = field(default_factory=list)
    within: list[dict[str, str]] = field(default_factory=list)
    without: list[dict[str, str]] = field(default_factory=list)
    filters: list[dict[str, Any]] = field(default_factory=list)

    def words(self, free: bool = True) -> dict[str, Any]:
        """The `words` of a plan; without the free ones only what a document has to fulfil."""
        words: dict[str, Any] = {"text": self.free} if free else {}
        return words | {key: held for key, held in (("phrases", self.phrases), ("in", self.within), ("not", self.without)) if held}


class _Token(NamedTuple):
    """A word or phrase and what stood before it; `raw` is all of it as typed."""

    raw: str
    text: str
    is_phrase: bool
    is_negated: bool
    name: str


def normalise(query: str) -> str:
    """The query with every run of blanks as one space, none at the ends, and at most `MAX_CHARS` long."""
    return " ".join(well_formed(query).split())[:MAX_CHARS].rstrip()


def read(query: str, known: Collection[str] = ()) -> Query:
    """What a person meant; `known` are the names of the values that the collection's documents have."""
    names = {name.casefold(): name for name in sorted(known, reverse=True)}
    found = Query()
    embedded: list[str] = []
    free: list[str] = []
    operators = 0
    tokens = _tokens(normalise(query), set(FIELDS) | set(names))
    # To leave words out of nothing is no search; who typed only that meant the words.
    if all(token.is_negated for token in tokens):
        tokens = [_Token(token.text, token.text, token.is_phrase, False, "") for token in tokens]
    for token in tokens:
        name = FIELDS.get(token.name, "")
        is_operator = token.is_phrase or token.is_negated or bool(token.name)
        if is_operator and operators == MAX_OPERATORS:
            token, is_operator = _Token(token.text, token.text, False, False, ""), False
        operators += is_operator
        if not is_operator:
            embedded.append(token.raw)
            free.append(token.raw)
        elif token.name in names and not name:
            found.filters.append(_filter(names[token.name], token))
        elif token.is_negated:
            found.without.append(_entry(token.text, name))
        else:
            embedded.append(token.text)
            (found.phrases if token.is_phrase else found.within).append(_entry(token.text, name))
    found.text, found.free = " ".join(embedded), " ".join(free)
    return found


def plan(
    query: str,
    *,
    index: str,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
    cursor: str | None = None,
    legs: str = "both",
    weights: dict[str, float] | None = None,
    like: str | None = None,
    filter: dict[str, Any] | None = None,
    facets: list[dict[str, Any]] | None = None,
    sort: list[dict[str, Any]] | None = None,
    correct: bool = True,
    typing: bool = False,
    explain: bool = False,
    encoder: str = "auto",
    known: Collection[str] = (),
) -> dict[str, Any] | None:
    """The plan for a query against `index`: `limit` documents from `offset` on, ranked by meaning, by words or by both.

    filter, facets, sort: as docs/guide/filters.md has them; the filters that were typed hold as well. correct: words that nobody has
    are taken for typing errors. typing: the last word may be the beginning of one. like: the id of a document to which others are near
    by meaning, instead of words; filters may be typed beside it. A query with nothing in it asks for all
    documents if there is a filter, a facet or an order. encoder: what makes the vector of the text, the `model`, the piece table
    (`static`), or what is loaded, the model first (`auto`). Raises `BadRequest` for legs or an encoder that there are not, and for
    words beside `like`. cursor: where a page begins, as the answer with the page before says; an empty one for the first.
    """
    if encoder not in ENCODERS:
        raise BadRequest(f"there is no encoder {encoder[:40]!r}; {', '.join(ENCODERS)} were expected", encoder=encoder[:40])
    if legs not in LEGS:
        raise BadRequest(f"there are no legs {legs[:40]!r}; {', '.join(LEGS)} were expected", legs=legs[:40])
    found = read(query, known)
    made: dict[str, Any] = {"index": index, "limit": limit}
    if like is not None:
        if found.text:
            raise BadRequest("a search takes words or `like`, the id of a document; leave one of them out", like=like[:80])
        made["like"] = like
    elif found.text:
        made |= _legs(found, legs, weights, correct, typing)
    elif found.filters or filter or facets or sort:
        made["words"] = {"text": ""}
    else:
        return None
    if encoder != "auto" and "text" in made:
        made["encoder"] = encoder
    filters = [*found.filters, *([filter] if filter else [])]
    if filters:
        made["filter"] = filters[0] if len(filters) == 1 else {"and": filters}
    if cursor is not None:
        made["cursor"] = cursor
    wished = {"offset": offset, "facets": facets, "sort": sort, "explain": explain}
    return made | {key: value for key, value in wished.items() if value}


def _legs(found: Query, legs: str, weights: dict[str, float] | None, correct: bool, typing: bool) -> dict[str, Any]:
    """The part of a plan that says what is ranked by."""
    words = found.words(free=legs != "meaning")
    made: dict[str, Any] = {} if legs == "words" else {"text": found.text}
    if legs != "meaning" or words:
        made["words"] = words | {key: True for key, wanted in (("correct", correct), ("typing", typing)) if wanted}
    if legs == "meaning" and words:
        made["weights"] = {"meaning": 1.0, "words": 0.0}
    if legs == "both" and weights is not None:
        made["weights"] = weights
    return made


def _tokens(query: str, names: set[str]) -> list[_Token]:
    """The query in words and phrases, each with the minus and the name before it."""
    tokens = []
    at = 0
    while at < len(query):
        if query[at] == " ":
            at += 1
            continue
        start = at
        is_negated = query[at] in _MINUS and _can_be_left_out(query, at + 1)
        at += is_negated
        match = _NAME.match(query, at)
        name = match[1].casefold() if match and match[1].casefold() in names else ""
        if match and name:
            at = match.end()
        end = _phrase_end(query, at)
        if end:
            text = query[at + 1 : end - 1].strip()
            at = end
        else:
            # Marks that open nothing are passed over, the words are kept.
            while query[at : at + 1] in _CLOSING:
                at += 1
            word_end = _word_end(query, at)
            text = query[at:word_end]
            at = word_end
        if text and (name or is_negated or end):
            tokens.append(_Token(query[start:at], text, bool(end), is_negated, name))
        elif text:
            tokens.append(_Token(text, text, False, False, ""))
    return tokens


def _can_be_left_out(query: str, at: int) -> bool:
    """Whether what follows a minus is a word or a phrase, rather than a blank, another minus or a sign."""
    return at < len(query) and (query[at].isalnum() or bool(_phrase_end(query, at)))


def _phrase_end(query: str, at: int) -> int:
    """Behind the mark that closes the phrase which opens at `at`; 0 where none does or nothing is in it."""
    closing = _CLOSING.get(query[at : at + 1], "")
    ends = [end for mark in closing if (end := query.find(mark, at + 1)) >= 0]
    return min(ends) + 1 if ends and query[at + 1 : min(ends)].strip() else 0


def _word_end(query: str, at: int) -> int:
    """Where the word at `at` ends: at a blank, or where a phrase opens."""
    end = at
    while end < len(query) and query[end] != " ":
        opens = query[end] in _ALWAYS_OPENING or (query[end] in _CLOSING and end > at and query[end - 1] in "([{,;")
        if end > at and opens and _phrase_end(query, end):
            break
        end += 1
    return end


def _entry(text: str, name: str) -> dict[str, str]:
    return {"text": text, "field": name} if name else {"text": text}


def _filter(name: str, token: _Token) -> dict[str, Any]:
    """The condition for `name:value`: a value, a comparison (`>5`, `<=2024-06`) or a range (`3..7`)."""
    picks: list[Any] = []
    compared, between = _COMPARED.fullmatch(token.text), _BETWEEN.fullmatch(token.text)
    if compared and not token.is_phrase:
        bound = {">": "above", ">=": "min", "<": "below", "<=": "max"}[compared[1]]
        picks = [{bound: value} for value in _measures(compared[2])]
    elif between and not token.is_phrase:
        low, high = between.groups()
        kinds = [set(map(type, _measures(end))) for end in (low, high) if end]
        for kind in (float, str):
            if kinds and all(kind in each for each in kinds):
                ends = {bound: value for bound, end in (("min", low), ("max", high)) for value in _measures(end) if type(value) is kind}
                picks.append(ends)
    if not picks:
        text = token.text
        spellings = [text, text.lower(), text.upper(), text.capitalize(), text.title()]
        picks = [*dict.fromkeys(spellings), *(value for value in _measures(text) if isinstance(value, float))]
        picks += [{"min": text, "max": text}] if _DATE.fullmatch(text) else []
    return {"field": name, "none" if token.is_negated else "any": picks, "tree": True}


def _measures(text: str) -> list[float | str]:
    """What can be compared: a number, a date, or what may be either."""
    measures: list[float | str] = [float(text)] if _NUMBER.fullmatch(text) else []
    return [*measures, text] if _DATE.fullmatch(text) else measures
