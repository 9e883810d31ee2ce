"""Plain text (.txt): one document, or consecutive parts of one when it is long.

Owns the titles and ids of texts. Must not know how passages are cut. Invariant: the parts hold the whole text in order.
"""

from findling.documents import Document
from findling.passages import parts
from findling.readers import Reading, title_of


def read(name: str, text: str) -> Reading:
    """The documents of a plain text; the file's name gives the title."""
    pieces = parts(text)
    return Reading([piece_of(name, title_of(name), piece, number, len(pieces)) for number, piece in enumerate(pieces, 1)])


def piece_of(name: str, title: str, text: str, number: int, count: int) -> Document:
    """Part `number` of `count` of a file's text; the only part has the file's name as its id."""
    if count == 1:
        return Document(id=name, title=title, text=text, kind="text", meta={"file": name})
    return Document(
        id=f"{name}#{number}", title=title, text=text, kind="text", meta={"file": name, "part": number, "parts": count}
    )
