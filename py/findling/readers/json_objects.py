"""JSON (.json): an object, an array of objects, or an object that holds such an array.

Owns the shapes that are accepted and how deep they may nest. Must not know fields beyond those of a document.
Invariant: the nesting is measured before the parser recurses into it.
"""

import json
import re
from itertools import accumulate
from typing import Any

from findling.documents import from_fields
from findling.errors import BadInput, FindlingError
from findling.readers import Reading, reason_of, title_of
from findling.readers.fields import mapped, objects_in

MAX_DEPTH = 64
MAX_ITEMS = 200_000

# The closing quote is optional: a string that never ends is then passed over once, not once for each quote in it.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")


def read(name: str, text: str) -> Reading:
    """The documents of a JSON text; an array's items that are no documents are listed as faults by their position."""
    value = parse(text)
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        value = value["documents"]
    if isinstance(value, dict):
        value = objects_in(value) or value
    if isinstance(value, dict):
        value = mapped(value)
        return Reading([from_fields({"title": title_of(name), **value} if _is_untitled(value) else value, name)])
    if not isinstance(value, list):
        raise BadInput("the JSON is neither an object, nor an array of objects, nor an object with `documents`")
    if len(value) > MAX_ITEMS:
        raise BadInput(f"the array has {len(value)} items, the limit is {MAX_ITEMS}; split the file", limit=MAX_ITEMS)
    reading = Reading()
    for number, item in enumerate(value, 1):
        take(reading, item, f"{name}#{number}", f"item {number}")
    return reading


def take(reading: Reading, item: Any, id: str, place: str) -> None:
    """Add one object of fields to a reading, as a document or as a fault."""
    if not isinstance(item, dict):
        reading.faults.append((place, f"an object was expected, found {json.dumps(item)[:40]}"))
        return
    try:
        reading.documents.append(from_fields(mapped(item), id))
    except FindlingError as error:
        reading.faults.append((place, reason_of(error)))


def parse(text: str) -> Any:
    """The value of a JSON text; raises `BadInput` where it is broken or nests deeper than `MAX_DEPTH`."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        brackets = _NOT_BRACKET.sub("", _STRING.sub("", text))
        deepest = max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0)
        if deepest > MAX_DEPTH:
            raise BadInput(f"the JSON nests {deepest} levels deep, the limit is {MAX_DEPTH}", limit=MAX_DEPTH)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"the JSON is broken at line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the JSON cannot be read: {error}") from error


def _is_untitled(value: dict[str, Any]) -> bool:
    return not value.get("title") and bool(value.get("text"))
