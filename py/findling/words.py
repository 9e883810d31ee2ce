"""The words of the reference engine: terms, conditions and BM25 in plain Python, f64 and brute force.

Owns the formulas of the words leg (docs/RANKING.md) as the contract tests compare every backend with. Must not know vectors,
indexes or how a text is cut into tokens: it takes tokens. Invariant: nothing is kept between two searches, so that every
answer follows from the documents alone.

BM25 with weighted fields: Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", 2004.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

K1, B = 1.2, 0.75
FIELD_WEIGHTS = {"title": 2.0, "text": 1.0, "tags": 1.0, "path": 1.0}
LANGUAGE_SHARE = 0.05
"""A query is stemmed in every language that at least this share of the documents is in."""
DEFAULT_LANGUAGE = "en"
UNKNOWN_LANGUAGE = "und"
TAG_GAP = 1 << 20
"""Between two tags there are so many positions, which no phrase spans."""

Token = dict[str, Any]
Analysis = dict[str, Any]
Analyse = Callable[[str, str | None], Analysis]
"""A text in a language, or one that is guessed: `language` and `tokens`, as the engine's `analyse` answers."""


@dataclass(slots=True)
class Written:
    """The words of one document: in each field the positions of every term, and how many words the fields have."""

    positions: dict[str, dict[str, list[tuple[int, bool]]]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

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


class Words:
    """The words of all documents, and what a query makes of them. `documents`: for each id what `add` was given."""

    def __init__(self, documents: Mapping[str, dict[str, Any]], analyse: Analyse) -> None:
        self._analyse = analyse
        given = {id: _language(each, analyse) for id, each in documents.items()}
        counts = Counter(language for language in given.values() if language)
        self.main = min(counts, key=lambda language: (-counts[language], language)) if counts else DEFAULT_LANGUAGE
        languages = {id: language or self.main for id, language in given.items()}
        shares = Counter(languages.values())
        held = [language for language, count in shares.items() if count >= LANGUAGE_SHARE * len(documents)]
        self.languages = sorted(held) or [self.main]
        self.written = {id: _written(each.get("fields", {}), languages[id], analyse) for id, each in documents.items()}

    def query(self, words: dict[str, Any]) -> "Asked":
        """What the `words` of a plan ask for."""
        texts = [words.get("text", ""), *(each["text"] for key in ("phrases", "in") for each in words.get(key, ()))]
        distinct = dict.fromkeys(terms for text in texts for _, terms, _ in self._terms(text))
        return Asked(self, list(distinct), words)

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

    def meets(self, id: str) -> bool:
        """Whether a document has what the operators ask for."""
        return self._words.meets(id, self._asked)

    def score(self, id: str) -> float:
        """BM25 of a document over the most that any document could have; 0 for a query without words."""
        written = self._words.written[id]
        relative = written.length() / (self._average or 1.0)
        total = 0.0
        for word, value in self._idf.items():
            frequency = written.weighted(word)
            total += value * (K1 + 1) * frequency / (frequency + K1 * (1 - B + B * relative)) if frequency else 0.0
        return total / self.bound if self.bound else 0.0


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
                held.setdefault(token["term"], []).append((token["position"] + number * TAG_GAP, token["whole"]))
                written.lengths[name] = written.lengths.get(name, 0) + (not token["whole"])
    return written
