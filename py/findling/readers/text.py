"""Plain text (.txt): one document, or consecutive parts of one when it is long.

Owns the titles and ids of texts. Must not know how passages are cut. Invariant: the parts hold the whole text in order.
"""

from findling.documents import Document, Place
from findling.passages import parts
from findling.readers import Reading, places_of, title_of


def read(name: str, text: str) -> Reading:
    """The documents of a plain text; the file's name gives the title."""
    pieces = parts(text)
    places = places_of(text, pieces, list(range(1, text.count("\n") + 2)))
    return Reading(
        [piece_of(name, title_of(name), piece, number, places) for number, piece in enumerate(pieces, 1)]
    )


def piece_of(name: str, title: str, text: str, number: int, places: list[tuple[Place, ...]]) -> Document:
    """Part `number` of a file's text, one of as many as have places; the only part has the file's name as its id."""
    count = len(places)
    meta: dict[str, object] = {"file": name}
    if count > 1:
        meta |= {"part": number, "parts": count}
    id = name if count == 1 else f"{name}#{number}"
    return Document(id=id, title=title, text=text, kind="text", meta=meta, places=places[number - 1])
