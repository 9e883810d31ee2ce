"""Document, Passage and Hit: the nouns that travel between the reader of a file and the list on the screen.

Owns their fields, their checks and the record that an index keeps for a document. Must not know engines, files or
messages. Invariant: `Document.from_record(id, document.record(spans))` is the same document, and the spans come back.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from findling.errors import BadInput

MAX_ID_CHARS = 1_024
MAX_TITLE_CHARS = 2_000
MAX_TEXT_CHARS = 100_000
"""About 16,000 words, 270 passages, seconds in a browser: more than that is a book, which the readers of texts cut into parts."""

_RECORD_KEYS = ("title", "text", "kind", "url")


@dataclass(frozen=True, slots=True)
class Document:
    """What a person adds and finds. `id` is unique in its collection; `meta` is any JSON and only carried along."""

    id: str
    title: str = ""
    text: str = ""
    kind: str = ""
    url: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    def record(self, spans: list[tuple[int, int]]) -> dict[str, Any]:
        """The JSON an index keeps: the fields that are not empty, and where the passages lie when there are several."""
        record: dict[str, Any] = {key: value for key in _RECORD_KEYS if (value := getattr(self, key))}
        if self.meta:
            record["meta"] = self.meta
        if len(spans) > 1:
            record["spans"] = [list(span) for span in spans]
        return record

    @classmethod
    def from_record(cls, id: str, record: dict[str, Any]) -> "Document":
        """The document that `record` was made from."""
        fields = {key: record.get(key, "") for key in _RECORD_KEYS}
        return cls(id=id, meta=record.get("meta", {}), **fields)

    def as_object(self) -> dict[str, Any]:
        """The document as it crosses the wire: every field, empty ones too."""
        return {
            "id": self.id,
            "title": self.title,
            "text": self.text,
            "kind": self.kind,
            "url": self.url,
            "meta": self.meta,
        }


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document's text, `text[start:end]` in code points; `embedded` is what the model sees (title in front)."""

    index: int
    start: int
    end: int
    embedded: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a document, its score (higher is better) and its best passage."""

    score: float
    document: Document
    passage: int
    passage_text: str

    @classmethod
    def from_record(cls, id: str, score: float, passage: int, record: dict[str, Any]) -> "Hit":
        """The hit for what an engine answered; `passage` counts from 0 within the document."""
        document = Document.from_record(id, record)
        spans = record.get("spans")
        start, end = spans[passage] if spans else (0, len(document.text))
        return cls(score, document, passage, document.text[start:end])

    def as_object(self) -> dict[str, Any]:
        """The hit as it crosses the wire."""
        return {
            "id": self.document.id,
            "score": self.score,
            "document": self.document.as_object(),
            "passage": {"index": self.passage, "text": self.passage_text},
        }


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
    """A document from a JSON object: `title`, `text`, `kind`, `url`, `id` are strings, all other keys go to `meta`.

    Raises `BadInput` where a field has another type, is too long, or neither title nor text has a word in it.
    """
    named: dict[str, str] = {}
    for key, limit in (("id", MAX_ID_CHARS), ("title", MAX_TITLE_CHARS), ("text", MAX_TEXT_CHARS), ("kind", 200), ("url", 4_000)):
        value = fields.get(key)
        if value is None:
            value = ""
        elif key == "id" and isinstance(value, int) and not isinstance(value, bool):
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
    meta = {key: value for key, value in fields.items() if key not in named and key != "meta"}
    given = fields.get("meta")
    if isinstance(given, dict):
        meta.update(given)
    elif given is not None:
        meta["meta"] = given
    return Document(
        id=named["id"] or fallback_id,
        title=named["title"],
        text=named["text"],
        kind=named["kind"],
        url=named["url"],
        meta=well_formed_json(meta),
    )
