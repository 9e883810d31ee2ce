"""Document, Place and Hit: the nouns that travel between the reader of a file and the list on the screen.

Owns their fields, their checks, the record that an index keeps for a document, and what of it is found by words or by
value. Must not know engines, files or messages. Invariant: `Document.from_record(id, document.record(spans))` is the
same document, and the spans come back.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from findling.errors import BadInput

MAX_ID_CHARS = 1_024
MAX_TITLE_CHARS = 2_000
MAX_TEXT_CHARS = 100_000
"""About 16,000 words, 270 passages, seconds in a browser: more than that is a book, which the readers of texts cut into parts."""

MAX_TAGS = 1_000
MAX_VALUE_CHARS = 100
"""A longer string is prose or data, nobody filters by it."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")
Piece = dict[str, Any]
"""A stretch of text as it is shown: `text`, and whether it was searched for, `hit`."""

_SHOWN_KEYS = ("title", "text", "kind", "url", "date")
_RECORD_KEYS = (*_SHOWN_KEYS, "language")
_OTHER_KEYS = ("tags", "places", "meta")


class Place(NamedTuple):
    """Where the text from `start` (code points) on stands in its source, as far as its reader knows.

    headings: the path of headings above it, outermost first. page and line count from 1. time: seconds from the start.
    """

    start: int = 0
    headings: tuple[str, ...] = ()
    page: int | None = None
    line: int | None = None
    time: float | None = None

    def as_object(self) -> dict[str, Any]:
        """What is known of the place, without `start`."""
        known = {"headings": list(self.headings), "page": self.page, "line": self.line, "time": self.time}
        return {key: value for key, value in known.items() if value not in (None, [])}

    @classmethod
    def from_object(cls, value: Any) -> "Place | None":
        """The place in a JSON object of these keys; None where it is none."""
        if not isinstance(value, dict) or not set(value) <= {"start", "headings", "page", "line", "time"}:
            return None
        start, headings = value.get("start", 0), value.get("headings", [])
        page, line, time = value.get("page"), value.get("line"), value.get("time")
        whole = [number for number in (start, page, line) if number is not None]
        if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in whole):
            return None
        if not isinstance(headings, list) or not all(isinstance(each, str) for each in headings):
            return None
        if time is not None and (isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < math.inf):
            return None
        return cls(start, tuple(map(well_formed, headings)), page, line, time)


@dataclass(frozen=True, slots=True)
class Document:
    """What a person adds and finds. `id` is unique in its collection; `date` is ISO 8601, the year alone at least; `language` an
    ISO 639 code, where it is known.

    `meta` is any JSON, carried along; what of it is a string or a number can be filtered by. `places` are in the order of
    their starts.
    """

    id: str
    title: str = ""
    text: str = ""
    kind: str = ""
    url: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    date: str = ""
    places: tuple[Place, ...] = ()
    language: str = ""

    def record(self, spans: list[tuple[int, int]]) -> dict[str, Any]:
        """The JSON an index keeps: the fields that are not empty, and where the passages lie when there are several."""
        record: dict[str, Any] = {key: value for key in _RECORD_KEYS if (value := getattr(self, key))}
        if self.tags:
            record["tags"] = list(self.tags)
        if self.meta:
            record["meta"] = self.meta
        if self.places:
            record["places"] = [{"start": place.start, **place.as_object()} for place in self.places]
        if len(spans) > 1:
            record["spans"] = [list(span) for span in spans]
        return record

    @classmethod
    def from_record(cls, id: str, record: dict[str, Any]) -> "Document":
        """The document that `record` was made from."""
        fields = {key: record.get(key, "") for key in _RECORD_KEYS}
        places = tuple(place for each in record.get("places", ()) if (place := Place.from_object(each)))
        return cls(id=id, meta=record.get("meta", {}), tags=tuple(record.get("tags", ())), places=places, **fields)

    def fields(self) -> dict[str, Any]:
        """What is found by its words, field by field, those that are empty left out; `path` is the address."""
        file = self.meta.get("file")
        path = self.url or (file if isinstance(file, str) else "")
        found = {"title": self.title, "text": self.text, "tags": list(self.tags), "path": path}
        return {name: words for name, words in found.items() if words}

    def values(self) -> dict[str, list[str | int | float]]:
        """What can be filtered by: kind, tags, date, language, and the strings and numbers of `meta` by their key."""
        found = {"kind": [self.kind], "tags": list(self.tags), "date": [self.date], "language": [self.language]}
        values: dict[str, list[str | int | float]] = {}
        for name, given in (*self.meta.items(), *found.items()):
            kept = [value for each in (given if isinstance(given, list) else [given]) if (value := _value(each)) is not None]
            if kept and name:
                values[name] = kept
        return values

    def place(self, start: int) -> dict[str, Any]:
        """Where the text at `start` stands: the last place before it, its line counted on; empty where nothing is known."""
        before = [place for place in self.places if place.start <= start]
        if not before:
            return {}
        known = before[-1].as_object()
        if "line" in known:
            known["line"] += self.text.count("\n", before[-1].start, start)
        return known


class Hit(NamedTuple):
    """One answer: a document as its record, its score (higher is better), the passage shown, and what each leg gave.

    `title_pieces` and `snippet` are what a person is shown: pieces of text in order, each `{"text", "hit"}`; those that were
    searched for are hits. The title's are all of it; the snippet's are about thirty words of the passage and what is around,
    with `"… "` before or `" …"` behind as a piece of its own where a sentence is cut. Two dozen are made for every letter
    that is typed: what is not shown, such as `document`, is made of the record when asked for.
    """

    id: str
    score: float
    passage: int
    record: dict[str, Any]
    legs: dict[str, float]
    band: str | None
    """How good the score is in this collection: `strong`, `fair` or `weak`; none where that was never learned."""
    explain: dict[str, Any] | None
    title_pieces: list[Piece]
    snippet: list[Piece]

    @classmethod
    def from_answer(cls, answer: dict[str, Any], shown: dict[str, Any] | None = None) -> "Hit":
        """The hit in an engine's answer: id, score, passage, record, legs, and explain where it was asked for.

        shown: what the engine's `snippets` tells of it; without, title and passage are one piece each, as they stand.
        """
        record = answer["record"]
        if shown is None:
            start, end = _span(record, answer["passage"])
            text = record.get("text", "")[start:end]
            shown = {"passage": answer["passage"], "title": _piece(record.get("title", "")), "snippet": _piece(text)}
        legs, told = answer.get("legs", {}), (answer.get("band"), answer.get("explain"))
        return cls(answer["id"], answer["score"], shown["passage"], record, legs, *told, shown["title"], shown["snippet"])

    @property
    def document(self) -> Document:
        """The document that was found."""
        return Document.from_record(self.id, self.record)

    @property
    def passage_text(self) -> str:
        """The text of the passage."""
        start, end = _span(self.record, self.passage)
        text: str = self.record.get("text", "")[start:end]
        return text

    @property
    def place(self) -> dict[str, Any]:
        """Where the passage stands; empty where nothing is known."""
        return self.document.place(_span(self.record, self.passage)[0]) if "places" in self.record else {}

    def as_object(self) -> dict[str, Any]:
        """The hit as it crosses the wire: every field of the document that pages show, empty ones too; `band` where it
        is known, `explain` where asked for.
        """
        told = {"band": self.band, "explain": self.explain}
        record = self.record
        return {key: value for key, value in told.items() if value is not None} | {
            "id": self.id,
            "score": self.score,
            "legs": self.legs,
            "document": {
                "id": self.id,
                **{key: record.get(key, "") for key in _SHOWN_KEYS},
                "tags": record.get("tags", []),
                "meta": record.get("meta", {}),
            },
            "passage": {"index": self.passage, "text": self.passage_text, "place": self.place},
            "title_pieces": self.title_pieces,
            "snippet": self.snippet,
        }


def _span(record: dict[str, Any], passage: int) -> tuple[int, int | None]:
    """Where a passage lies in the text of its record; a document of one passage has no spans."""
    spans = record.get("spans")
    return spans[passage] if spans else (0, None)


def _piece(text: str) -> list[Piece]:
    """A text in one piece, in none where it is empty."""
    return [{"text": text, "hit": False}] if text else []


def well_formed(text: str) -> str:
    """`text` with each lone surrogate replaced by U+FFFD, so that it has a UTF-8 form."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def well_formed_json(value: Any) -> Any:
    """A JSON value whose strings, keys too, are well formed; NaN and infinities, which JSON has not, are refused."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [well_formed_json(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(str(key)): well_formed_json(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput("a number is not finite; JSON has no NaN and no infinity, leave the field out")
    return value


def from_fields(fields: dict[str, Any], fallback_id: str) -> Document:
    """A document from a JSON object: its own fields by their names, all other keys go to `meta`.

    `title`, `text`, `kind`, `url`, `id` and `date` are strings (`id` and `date` whole numbers too), `tags` a list of strings or one
    string with commas. Raises `BadInput` where a field has another type, is too long, or neither title nor text has a
    word in it.
    """
    named: dict[str, str] = {}
    limits = (("id", MAX_ID_CHARS), ("title", MAX_TITLE_CHARS), ("text", MAX_TEXT_CHARS), ("kind", 200), ("url", 4_000), ("date", 40))
    for key, limit in limits:
        value = fields.get(key)
        if value is None:
            value = ""
        elif key in ("id", "date") and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise BadInput(f"`{key}` is {type(value).__name__}, a string was expected", key=key)
        if len(value) > limit:
            raise BadInput(
                f"`{key}` has {len(value)} characters, the limit is {limit}; cut it into several documents", key=key, limit=limit
            )
        named[key] = well_formed(value)
    if not (named["title"].strip() or named["text"].strip()):
        raise BadInput("the document has neither a title nor a text, so there is nothing to find it by")
    meta = {key: value for key, value in fields.items() if key not in named and key not in _OTHER_KEYS}
    given = fields.get("meta")
    if isinstance(given, dict):
        meta.update(given)
    elif given is not None:
        meta["meta"] = given
    # Only a code says the language of the text; anything else is told about it.
    language = fields.get("language")
    if isinstance(language, str) and _LANGUAGE.fullmatch(language):
        meta.pop("language", None)
    else:
        language = ""
    places = _places(fields.get("places"))
    if places is None:
        # The key means something else here.
        meta["places"] = fields["places"]
    return Document(
        id=named["id"] or fallback_id,
        title=named["title"],
        text=named["text"],
        kind=named["kind"],
        url=named["url"],
        meta=well_formed_json(meta),
        tags=_tags(fields.get("tags")),
        date=named["date"],
        places=places or (),
        language=language,
    )


def _tags(given: Any) -> tuple[str, ...]:
    """Tags without blanks around them, each once."""
    parts = given.split(",") if isinstance(given, str) else [] if given is None else given
    if not isinstance(parts, list) or not all(isinstance(tag, str | int | float) for tag in parts):
        raise BadInput("`tags` is no list of strings", key="tags")
    if len(parts) > MAX_TAGS:
        raise BadInput(f"`tags` has {len(parts)} entries, the limit is {MAX_TAGS}", key="tags", limit=MAX_TAGS)
    cleaned = (well_formed(str(tag)).strip()[:MAX_VALUE_CHARS] for tag in parts)
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))


def _places(given: Any) -> tuple[Place, ...] | None:
    """Places in the order of their starts; None where what is given are none."""
    if given is None:
        return ()
    places = []
    for each in given if isinstance(given, list) else [None]:
        place = Place.from_object(each)
        if place is None:
            return None
        places.append(place)
    return tuple(sorted(places, key=lambda place: place.start))


def _value(value: Any) -> str | int | float | None:
    """What a value of `meta` is filtered by: strings of a sensible length, numbers, and true and false by their names."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if 0 < len(value) <= MAX_VALUE_CHARS else None
    return value if isinstance(value, int | float) else None
