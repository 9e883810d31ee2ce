"""What the reference stores of an index: a pointer, and segments of some of its documents each, as JSON after a line of magic.

Owns in which segment a document lies, and the two phases of a commit (decisions/0007). Must not know vectors or searching.
Invariant: a commit counts as stored only when a later one names its digest; what was computed changes nothing.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from findling.errors import BadFormat, BadRequest

DUMP_MAGIC = b"findling-reference\n"

Documents = dict[str, dict[str, Any]]


@dataclass(slots=True)
class _Segment:
    """A segment and the documents it was written with; one that the index holds otherwise now is gone."""

    file: str
    length: int
    documents: Documents

    def living(self, now: Documents) -> Documents:
        return {id: each for id, each in self.documents.items() if now.get(id) is each}


@dataclass(slots=True)
class _State:
    digest: str
    segments: list[_Segment]
    gone: int


@dataclass(slots=True)
class Commits:
    """What is stored of an index (the base), and what was computed last and may be by now (the draft)."""

    base: _State | None = None
    draft: _State | None = None

    def commit(self, index: dict[str, Any], plan: dict[str, Any]) -> bytes:
        """The answer of `Engine.commit`."""
        now: Documents = index["documents"]
        on, merge = plan.get("on"), plan.get("merge", [])
        if on is not None and self.draft is not None and on == self.draft.digest:
            self.base = self.draft
        elif on is not None and (self.base is None or on != self.base.digest):
            raise BadRequest("the pointer that is stored is neither what was opened nor what was computed last", on=on)
        stored = self.base.segments if self.base is not None and on is not None else []
        unknown = set(merge) - {segment.file for segment in stored}
        if unknown:
            raise BadRequest("a segment to merge is not one that the pointer names", file=min(unknown))
        segments = [each for each in stored if each.file not in merge and each.living(now)]
        lying = {id for each in segments for id in each.living(now)}
        fresh = {id: each for id, each in now.items() if id not in lying}
        written = b""
        if fresh:
            written = packed({"documents": fresh, "space": index["space"], "meta": {}})
            segments.append(_Segment(f"segment-{digest_of(written)}.findling", len(written), fresh))
        pointer = packed(
            {
                "segments": [
                    {
                        "file": each.file,
                        "length": each.length,
                        "digest": each.file.removeprefix("segment-").removesuffix(".findling"),
                        "documents": len(each.documents),
                        "living": len(each.living(now)),
                        "live": True,
                        "gone": sorted(each.documents.keys() - each.living(now).keys()),
                    }
                    for each in segments
                ],
                "space": index["space"],
                "user": plan.get("meta", index["meta"]),
            }
        )
        self.draft = _State(digest_of(pointer), segments, _gone(segments, now))
        return len(pointer).to_bytes(4, "big") + pointer + written

    def told(self, now: Documents) -> dict[str, Any]:
        """What `status` tells of the index."""
        return {**_told(self.base, now), "next": self.draft and _told(self.draft, now)}


@dataclass(slots=True)
class Opening:
    """A collection that is being opened: its pointer, and the segments that have arrived."""

    pointer: dict[str, Any]
    digest: str
    folder: str
    arrived: dict[str, Documents] = field(default_factory=dict)

    def needs(self) -> list[dict[str, Any]]:
        """The ranges that are lacking."""
        lacking = [each for each in self.pointer["segments"] if each["file"] not in self.arrived]
        return [{"file": self.folder + each["file"], "offset": 0, "length": each["length"]} for each in lacking]

    def opened(self) -> tuple[dict[str, Any], Commits]:
        """The index of all segments, and what is stored of it."""
        documents: Documents = {}
        segments = []
        for each in self.pointer["segments"]:
            held = self.arrived[each["file"]]
            segments.append(_Segment(each["file"], each["length"], held))
            documents.update({id: document for id, document in held.items() if id not in each["gone"]})
        index = {"documents": documents, "space": self.pointer["space"], "meta": self.pointer["user"]}
        return index, Commits(_State(self.digest, segments, _gone(segments, documents)))


def _gone(segments: list[_Segment], now: Documents) -> int:
    return sum(len(each.documents) - len(each.living(now)) for each in segments)


def _told(state: _State | None, now: Documents) -> dict[str, Any]:
    segments = state.segments if state is not None else []
    living = [len(each.living(now)) for each in segments]
    return {
        "stored": state and state.digest,
        "segments": [
            {"file": each.file, "length": each.length, "documents": len(each.documents), "living": count, "live": True}
            for each, count in zip(segments, living, strict=True)
        ],
        "pending": len(now) - sum(living),
        "gone": state is not None and _gone(segments, now) > state.gone,
    }


def packed(value: dict[str, Any]) -> bytes:
    """A value as the bytes of a file."""
    return DUMP_MAGIC + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def unpacked(whole: bytes, file: str) -> dict[str, Any]:
    """The value in the bytes of a file; raises `BadFormat`."""
    if not whole.startswith(DUMP_MAGIC):
        raise BadFormat(f"{file!r} is not a dump of the reference engine", file=file)
    try:
        value: dict[str, Any] = json.loads(whole[len(DUMP_MAGIC) :])
    except ValueError as error:
        raise BadFormat(f"{file!r} is damaged: {error}", file=file) from error
    return value


def digest_of(whole: bytes) -> str:
    """What names a file."""
    return hashlib.sha256(whole).hexdigest()[:32]


def inspect(container: Any) -> dict[str, Any]:
    """What `findling.engine.inspect` tells of a file, for one of the reference."""
    whole = bytes(container)
    value = unpacked(whole, "the file")
    if "segments" in value:
        meta = {"type": "collection", "segments": value["segments"], "user": value["user"]}
    else:
        meta = {"type": "flat", "user": value["meta"]}
    return {"kind": "index", "digest": digest_of(whole), "meta": meta}
