"""Blocks of text with their places, put together to documents.

Owns how a file's text is joined and cut into parts, and their ids. Must not know formats. Invariant: the parts hold all
blocks in order, and the place of a character is that of its block.
"""

from bisect import bisect_right
from typing import Any

from findling.documents import MAX_ID_CHARS, MAX_TITLE_CHARS, Document, Place, well_formed
from findling.errors import BadInput
from findling.passages import parts
from findling.readers import title_of

MAX_CHARS = 32 * 1024 * 1024
"""Of one file: a library of forty long novels."""
MAX_META_CHARS = 1_000

_PARAGRAPH = "\n\n"


class Layout:
    """What a file says, block by block."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._places: list[Place] = []
        self._length = 0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, text: str, *, headings: tuple[str, ...] = (), gap: str = _PARAGRAPH, **where: Any) -> None:
        """A block of text, `gap` between it and the one before. `where`: page, line or time. Blank ones are passed over."""
        text = well_formed(text.replace("\x00", "")).strip()
        if not text:
            return
        if self._blocks:
            self._blocks.append(gap)
            self._length += len(gap)
        place = Place(self._length, headings, **where)
        if place.as_object() and (not self._places or self._places[-1]._replace(start=self._length) != place or "line" in where):
            self._places.append(place)
        self._blocks.append(text)
        self._length += len(text)
        if self._length > MAX_CHARS:
            raise BadInput(f"its text has more than {MAX_CHARS} characters, which is the limit; split it", limit=MAX_CHARS)

    def text(self) -> str:
        """All blocks."""
        return "".join(self._blocks)

    def documents(self, name: str, *, title: str = "", kind: str = "", meta: dict[str, Any] | None = None, **fields: Any) -> list[Document]:
        """The document of the file `name`, or its parts where it is long. `fields`: url, date, tags, language.

        A file that says nothing is found by its title.
        """
        text = self.text()
        pieces = parts(text) or [""]
        starts = [place.start for place in self._places]
        found = []
        end = 0
        told = {key: value for key, value in (meta or {}).items() if value not in ("", None, [])}
        title = " ".join(well_formed(title.replace("\x00", "")).split())[:MAX_TITLE_CHARS] or title_of(name)
        for number, piece in enumerate(pieces, 1):
            begin = text.find(piece, end)
            end = begin + len(piece)
            before = max(bisect_right(starts, begin) - 1, 0)
            places = [place._replace(start=max(place.start - begin, 0)) for place in self._places[before : bisect_right(starts, end - 1)]]
            # A place goes on across the cut, and its lines with it.
            if places and places[0].line is not None and starts[before] < begin:
                places[0] = places[0]._replace(line=places[0].line + text.count("\n", starts[before], begin))
            part = {} if len(pieces) == 1 else {"part": number, "parts": len(pieces)}
            found.append(
                Document(
                    id=id_of(name, number if part else None),
                    title=title,
                    text=piece,
                    kind=kind,
                    meta={"file": name, **told, **part},
                    places=tuple(places),
                    **fields,
                )
            )
        return found


def id_of(name: str, number: int | None = None) -> str:
    """The id of a file's document, or of the one of this number in it."""
    return name[:MAX_ID_CHARS] if number is None else f"{name[: MAX_ID_CHARS - 20]}#{number}"


def short(text: str) -> str:
    """A value for `meta`: one line of a sensible length."""
    return " ".join(well_formed(text.replace("\x00", "")).split())[:MAX_META_CHARS]
