"""The files of a stored collection: a pointer, and beside it the segments that the pointer names.

Owns their names, what their headers tell, and which of them are left over. Must not know what is in a segment, nor where
files lie. Invariant: a collection is its pointer and what that names; every other file of its folder may go.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

POINTER = "collection.findling"
SUFFIX = ".findling"
LENGTH_BYTES = 4

SMALL_BYTES = 64 << 10
"""Segments up to this length are merged with whatever is written: reading one costs less than naming it."""
MERGE_BYTES = 32 << 20
"""How much is merged in one go, so that others get their turn; a segment of half of that is left alone but for what is gone from it."""
WORN = 1 / 8
"""A segment that has lost so many of its documents is written anew: what all of them waste stays below a sixth or so."""
LIVE_SHARE = 0.1
"""Where live segments have a larger share of the documents, others had better read a collection that is written anew."""
DOCUMENT_BYTES = 2_000
"""How much a document takes that is not written yet, about."""

GONE = "a file of the collection is gone, as when a browser clears what sites store: import it from where it was exported, or delete it"

Inspect = Callable[[Any], dict[str, Any]]
"""The header of a container after every block was verified, as `findling.engine.inspect` gives it."""

# Also what a crash left of one: a dot before, and something behind.
_OURS = re.compile(r"\.?(segment-[\w-]+|collection)\.findling(\.\w+)?")


def listed(header: dict[str, Any]) -> list[dict[str, Any]]:
    """What a pointer tells of its segments, in its order; nothing for an index that is one file."""
    found = header["meta"].get("segments", ())
    return [segment for segment in found if isinstance(segment, dict)]


def names(header: dict[str, Any]) -> list[str]:
    """The names of the files beside it that a pointer needs; none for an index that is one file."""
    return [str(segment["file"]) for segment in listed(header)]


def read_first(header: dict[str, Any]) -> int:
    """How many bytes somebody at another place reads before the first hit, whatever is searched: pointer and live segments, which
    are read whole; an index that is one file is read whole too.
    """
    return int(header["size_bytes"]) + sum(int(segment["length"]) for segment in listed(header) if segment.get("live"))


def split(published: Any, inspect: Inspect) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header of the pointer in an engine's answer to `publish` or `commit`, and the files in the order in which they are
    to be written: the pointer last. A commit that has no new segment gives the pointer alone.
    """
    end = LENGTH_BYTES + int.from_bytes(bytes(published[:LENGTH_BYTES]), "big")
    pointer = published[LENGTH_BYTES:end]
    # A segment is most of the memory of a build: what an engine gives as bytes is not copied.
    segment = (memoryview(published) if isinstance(published, bytes) else published)[end:]
    header = inspect(pointer)
    return header, {**({names(header)[-1]: segment} if len(segment) else {}), POINTER: pointer}


def left_over(found: Iterable[str], header: dict[str, Any]) -> list[str]:
    """Those of the files of a folder that are ours and that its pointer does not name."""
    kept = {POINTER, *names(header)}
    return [name for name in found if _OURS.fullmatch(name) and name not in kept]


def to_merge(stored: dict[str, Any]) -> list[str]:
    """The live segments that the next commit is to merge into its own, by what `status` tells of an index; none for none.

    Smallest first, each that is no larger than what is merged so far: there are about as many segments as doublings from the
    smallest to all of them, and a document is written anew about once for each (after the logarithmic method of Bentley and
    Saxe, "Decomposable searching problems", 1980). Published segments stay.
    """
    size = int(stored["pending"]) * DOCUMENT_BYTES
    chosen: list[dict[str, Any]] = []
    live = [segment for segment in stored["segments"] if segment["live"]]
    for segment in sorted(live, key=lambda segment: (int(segment["length"]), str(segment["file"]))):
        length, is_worn = int(segment["length"]), _is_worn(segment)
        is_wanted = is_worn or length <= max(SMALL_BYTES, size)
        # One that is worn has to be written anew at some time, however large.
        if is_wanted and (size + length <= MERGE_BYTES or (is_worn and not size)):
            chosen.append(segment)
            size += length
    is_of_use = len(chosen) > 1 or stored["pending"] or any(map(_is_worn, chosen))
    return [str(segment["file"]) for segment in chosen] if is_of_use else []


def _is_worn(segment: dict[str, Any]) -> bool:
    return int(segment["documents"]) - int(segment["living"]) > WORN * int(segment["documents"])


def documents(header: dict[str, Any]) -> int | None:
    """How many documents a pointer says that its segments have; None where it does not say."""
    counts = [segment.get("living") for segment in listed(header)]
    known = [count for count in counts if isinstance(count, int)]
    return sum(known) if "segments" in header["meta"] and len(known) == len(counts) else None
