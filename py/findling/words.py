"""The words of the reference engine: terms, conditions and BM25 in plain Python, f64 and brute force.

Owns the formulas of the words leg (docs/RANKING.md) as the contract tests compare every backend with. Must not know vectors,
indexes or how a text is cut into tokens: it takes tokens. Invariant: nothing is kept between two searches, so that every
answer follows from the documents alone.

BM25 with weighted fields: Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", 2004.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

K1, B = 1.2, 0.75
FIELD_WEIGHTS = {"title": 2.0, "text": 1.0, "tags": 1.0, "path": 1.0}
LANGUAGE_SHARE = 0.05
"""A query is stemmed in every language that at least this share of the documents is in."""
DEFAULT_LANGUAGE = "en"
UNKNOWN_LANGUAGE = "und"
TAG_GAP = 1 << 20
"""Between two tags there are so many positions, which no phrase spans."""

LETTERS_MIN, LETTERS_MAX = 4, 40
"""Of words that are corrected."""

Token = dict[str, Any]
Analysis = dict[str, Any]
Analyse = Callable[[str, str | None], Analysis]
"""A text in a language, or one that is guessed: `language` and `tokens`, as the engine's `analyse` answers."""
Knows = Callable[[str], bool]
"""Whether a model has learned a word as a whole: such a word is right, although no document has it."""


@dataclass(slots=True)
class Written:
    """The words of one document: in each field the positions of every term, and how many words the fields have."""

    positions: dict[str, dict[str, list[tuple[int, bool]]]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    forms: dict[str, set[str]] = field(default_factory=dict)
    """The terms of each form."""

    def frequency(self, terms: Iterable[str], name: str) -> int:
        """How often any of the terms stands in a field."""
        return sum(len(self.positions.get(name, {}).get(term, ())) for term in terms)

    def weighted(self, terms: Iterable[str]) -> float:
        """The same over all fields, by their weights."""
        wanted = set(terms)
        return sum(weight * self.frequency(wanted, name) for name, weight in FIELD_WEIGHTS.items())

    def length(self) -> float:
        """Words of all fields, by their weights."""
        return sum(weight * self.lengths.get(name, 0) for name, weight in FIELD_WEIGHTS.items())


class Impact(Protocol):
    """What words count in a document where frequencies are not looked at: a multiple of their idf."""

    def of(self, written: Written, terms: Iterable[str]) -> float: ...


class Words:
    """The words of all documents, and what a query makes of them. `documents`: for each id what `add` was given."""

    def __init__(self, documents: Mapping[str, dict[str, Any]], analyse: Analyse, knows: Knows = lambda form: False) -> None:
        self._analyse = analyse
        self._knows = knows
        given = {id: _language(each, analyse) for id, each in documents.items()}
        counts = Counter(language for language in given.values() if language)
        self.main = min(counts, key=lambda language: (-counts[language], language)) if counts else DEFAULT_LANGUAGE
        languages = {id: language or self.main for id, language in given.items()}
        shares = Counter(languages.values())
        held = [language for language, count in shares.items() if count >= LANGUAGE_SHARE * len(documents)]
        self.languages = sorted(held) or [self.main]
        self._titles = {id: self._forms(each.get("fields", {}).get("title", "")) for id, each in documents.items()}
        self.written = {id: _written(each.get("fields", {}), languages[id], analyse) for id, each in documents.items()}

    def is_exact(self, id: str, text: str) -> bool:
        """Whether a text is, but for capitals, accents and signs, the title of a document."""
        return self._titles[id] == self._forms(text) != []

    def _forms(self, text: str) -> list[str]:
        return [token["form"] for token in self._analyse(text, UNKNOWN_LANGUAGE)["tokens"] if not token["whole"]]

    def query(self, words: dict[str, Any]) -> "Asked":
        """What the `words` of a plan ask for."""
        demanded = [each["text"] for key in ("phrases", "in") for each in words.get(key, ())]
        entries = self._typed(words.get("text", ""), words.get("typing", False))
        entries += [entry for text in demanded for entry in self._typed(text, False)]
        return Asked(self, [terms | self._beginning(prefix) for terms, prefix in dict.fromkeys(entries)], words)

    def _typed(self, text: str, is_typing: bool) -> list[tuple[frozenset[str], str | None]]:
        """The terms of the tokens of a text, the last of which is a beginning while it is being typed."""
        forms = [(token["form"], token["end"]) for token in self._analyse(text, self.languages[0])["tokens"]]
        end = len(text.encode())
        return [
            (terms, form if is_typing and at == end and not is_whole else None)
            for (_, terms, is_whole), (form, at) in zip(self._terms(text), forms, strict=True)
        ]

    def _beginning(self, prefix: str | None) -> frozenset[str]:
        """The terms of all forms that begin like that."""
        if prefix is None:
            return frozenset()
        return frozenset(
            term
            for each in self.written.values()
            for form, terms in each.forms.items()
            if form.startswith(prefix)
            for term in terms
        )

    def correct(self, text: str, is_typing: bool) -> tuple[str, list[dict[str, str]]]:
        """The text with its typing errors corrected, and what was corrected."""
        known = Counter(form for each in self.written.values() for form in each.forms)
        held = {term for each in self.written.values() for terms in each.forms.values() for term in terms}
        source, corrected, done = text.encode(), b"", 0
        corrections: list[dict[str, str]] = []
        for token, (_, terms, is_whole) in zip(self._analyse(text, self.languages[0])["tokens"], self._terms(text), strict=True):
            form = token["form"]
            is_beginning = is_typing and token["end"] == len(source) and any(each.startswith(form) for each in known)
            if (
                is_whole
                or not _is_word(form, LETTERS_MIN)
                or terms & held
                or form in known
                or self._knows(form)
                or is_beginning
                or token["start"] < done
            ):
                continue
            near = [each for each in known if _is_word(each, LETTERS_MIN - 1) and edits(form, each) == 1]
            if near:
                best = min(near, key=lambda each: (-known[each], each.encode()))
                corrected += source[done : token["start"]] + best.encode()
                done = token["end"]
                correction = {"from": form, "to": best}
                corrections += [correction] if correction not in corrections else []
        return (corrected + source[done:]).decode(), corrections

    def _terms(self, text: str) -> list[tuple[int, frozenset[str], bool]]:
        """For each token of a query its position, its terms in the languages of the query, and whether it is whole."""
        stemmed = [self._analyse(text, language)["tokens"] for language in self.languages]
        return [
            (tokens[0]["position"], frozenset(token["term"] for token in tokens), tokens[0]["whole"])
            for tokens in zip(*stemmed, strict=True)
        ]

    def meets(self, id: str, words: dict[str, Any]) -> bool:
        """Whether a document has what a query's operators ask for."""
        written = self.written[id]
        return (
            all(self._has_phrase(written, each) for each in words.get("phrases", ()))
            and all(self._has_words(written, each) for each in words.get("in", ()))
            and not any(self._parts(each["text"]) and self._has_phrase(written, each) for each in words.get("not", ()))
        )

    def _parts(self, text: str) -> list[tuple[int, frozenset[str]]]:
        return [(position, terms) for position, terms, is_whole in self._terms(text) if not is_whole]

    def _has_words(self, written: Written, entry: dict[str, str]) -> bool:
        return all(written.frequency(terms, entry["field"]) for _, terms in self._parts(entry["text"]))

    def _has_phrase(self, written: Written, entry: dict[str, str]) -> bool:
        parts = self._parts(entry["text"])
        if not parts:
            return True
        first = parts[0][0]
        for name in [entry["field"]] if "field" in entry else FIELD_WEIGHTS:
            held = written.positions.get(name, {})
            where = [
                {at - (position - first) for term in terms for at, is_whole in held.get(term, ()) if not is_whole}
                for position, terms in parts
            ]
            if set.intersection(*where):
                return True
        return False


class Asked:
    """A query against all documents: `score` is BM25 over its bound, from 0 to 1."""

    def __init__(self, words: Words, terms: list[frozenset[str]], asked: dict[str, Any]) -> None:
        self._words = words
        self._asked = asked
        written = words.written
        count = len(written)
        frequencies = [sum(each.weighted(word) > 0 for each in written.values()) for word in terms]
        self._idf = {word: idf(df, count) for word, df in zip(terms, frequencies, strict=True)}
        self._average = sum(each.length() for each in written.values()) / count if count else 0.0
        self.bound = sum(value * (K1 + 1) for value in self._idf.values())

    @property
    def is_blank(self) -> bool:
        """Whether the query names no words at all."""
        demanded = [*self._asked.get("phrases", ()), *self._asked.get("in", ())]
        return not any(text.strip() for text in [self._asked.get("text", ""), *(each["text"] for each in demanded)])

    def meets(self, id: str) -> bool:
        """Whether a document has what the operators ask for."""
        return self._words.meets(id, self._asked)

    def score(self, id: str, impacts: Impact | None = None) -> float:
        """BM25 of a document over the most that any document could have; 0 for a query without words."""
        written = self._words.written[id]
        if impacts is not None:
            given = sum(value * impacts.of(written, word) for word, value in self._idf.items())
            return given / self.bound if self.bound else 0.0
        relative = written.length() / (self._average or 1.0)
        total = 0.0
        for word, value in self._idf.items():
            frequency = written.weighted(word)
            total += value * (K1 + 1) * frequency / (frequency + K1 * (1 - B + B * relative)) if frequency else 0.0
        return total / self.bound if self.bound else 0.0


def edits(one: str, other: str) -> int:
    """Letters inserted, deleted, replaced, or swapped with their neighbour, to come from one word to the other."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            least = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]


def _is_word(form: str, least: int) -> bool:
    """Whether there are so many letters in it, and nothing else but apostrophes."""
    odd = any(letter.isnumeric() or letter.isspace() or (letter in string.punctuation and letter != "'") for letter in form)
    return least <= len(form) <= LETTERS_MAX and not odd


def idf(df: int, count: int) -> float:
    """How much a word tells that stands in `df` of `count` documents; unknown words tell most."""
    return math.log(1 + (count - df + 0.5) / (df + 0.5))


def words_of(text: str, analyse: Analyse) -> int:
    """How many words a text has; that does not depend on its language."""
    return sum(not token["whole"] for token in analyse(text, UNKNOWN_LANGUAGE)["tokens"])


def simple(text: str, language: str | None) -> Analysis:
    """Runs of letters and digits in lower case, unstemmed: enough for tests without an engine."""
    tokens = []
    for position, found in enumerate(re.finditer(r"[^\W_]+", text)):
        word, start = found[0].lower(), len(text[: found.start()].encode())
        end = start + len(found[0].encode())
        tokens.append({"term": word, "form": word, "position": position, "start": start, "end": end, "whole": False})
    return {"language": language or UNKNOWN_LANGUAGE, "tokens": tokens}


def _language(document: dict[str, Any], analyse: Analyse) -> str | None:
    """The language that a document was given or seems to be in, if any."""
    given: str | None = document.get("language")
    if given is not None:
        return given
    fields = document.get("fields", {})
    guessed: str = analyse(f"{fields.get('title', '')}\n{fields.get('text', '')}", None)["language"]
    return None if guessed == UNKNOWN_LANGUAGE else guessed


def _written(fields: dict[str, Any], language: str, analyse: Analyse) -> Written:
    written = Written()
    for name, content in fields.items():
        held = written.positions.setdefault(name, {})
        for number, text in enumerate(content if isinstance(content, list) else [content]):
            for token in analyse(text, language)["tokens"]:
                written.forms.setdefault(token["form"], set()).add(token["term"])
                held.setdefault(token["term"], []).append((token["position"] + number * TAG_GAP, token["whole"]))
                written.lengths[name] = written.lengths.get(name, 0) + (not token["whole"])
    return written
