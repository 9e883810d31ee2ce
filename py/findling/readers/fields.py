"""Which names of columns and keys mean which field of a document.

Owns that list and the mapping of objects by it. Must not know formats. Invariant: an object that has a title or a text is left as it is.
"""

from typing import Any

MAX_DEPTH = 4
MAX_CHARS = 100_000

NAMES = {
    "id": ("id", "key", "uid", "qid"),
    "title": ("title", "name", "label", "subject", "headline", "heading", "term", "word", "question"),
    "text": (
        "text",
        "body",
        "content",
        "description",
        "summary",
        "abstract",
        "definition",
        "answer",
        "message",
        "notes",
        "note",
        "comment",
    ),
    "url": ("url", "link", "href"),
    "kind": ("kind", "type", "category", "group", "section"),
    "tags": ("tags", "keywords", "labels"),
    "date": ("date", "published", "created"),
}
"""For each field of a document the columns that mean it, the likeliest first."""


def mapped(value: dict[str, Any]) -> dict[str, Any]:
    """An object with its keys as fields where they mean them; one without any is found by all its strings, `key: string`."""
    if _has(value, "title") or _has(value, "text"):
        return value
    lowered = {key.lower(): key for key in reversed(value)}
    fields = dict(value)
    for field, names in NAMES.items():
        key = next((lowered[name] for name in names if name in lowered and _has(value, lowered[name])), None)
        if key is not None and field not in value:
            fields[field] = fields.pop(key)
    if not (_has(fields, "title") or _has(fields, "text")):
        text = "\n".join(_strings(value, MAX_DEPTH))[:MAX_CHARS]
        if text:
            fields["text"] = text
    return fields


def objects_in(value: dict[str, Any]) -> list[Any] | None:
    """The list of objects that an object is only the wrapping of: the longest one; None where it says something itself."""
    lists = [each for each in value.values() if isinstance(each, list) and each and all(isinstance(item, dict) for item in each)]
    if not lists or _has(mapped({key: each for key, each in value.items() if not isinstance(each, list | dict)}), "title"):
        return None
    return max(lists, key=len)


def _has(value: dict[str, Any], key: str) -> bool:
    return isinstance(value.get(key), str) and bool(value[key].strip())


def _strings(value: Any, depth: int, key: str = "") -> list[str]:
    if isinstance(value, str):
        return [f"{key}: {value}" if key else value] if value.strip() else []
    if depth == 0 or not isinstance(value, dict | list):
        return []
    pairs = value.items() if isinstance(value, dict) else ((key, each) for each in value)
    return [text for name, each in pairs for text in _strings(each, depth - 1, str(name))]
