"""What an installation has to embed with: which model file, which piece table, and the engine that has taken them.

Owns the places that are looked into, in their order. Must not know what is done with the engine. Invariant: a file that
was named is used or refused, never passed over for another.
"""

from pathlib import Path

from findling.engine import Engine, load
from findling.errors import NotFound

MODEL_NAME = "all-MiniLM-L6-v2.findling"
PIECES_NAME = "all-MiniLM-L6-v2.pieces"
PIECES_SUFFIX = ".pieces"


def engine(model: Path | None, pieces: Path | None, *, encoder: str = "auto") -> Engine:
    """An engine with the model and the piece table that is named or lies beside it; for the encoder `static` with the table alone.

    Raises `NotFound` where there is no such file, and what the engine raises about files that are none of its own.
    """
    made = load()
    if encoder == "static":
        made.load_pieces(pieces_file(pieces).read_bytes())
        return made
    file = model_file(model)
    made.load_model(file.read_bytes())
    table = pieces or file.with_suffix(PIECES_SUFFIX)
    if pieces or table.is_file():
        made.load_pieces(table.read_bytes())
    return made


def model_file(named: Path | None) -> Path:
    """The model file: the one that is named, else the one that the installation or the checkout keeps."""
    return _kept("model file", MODEL_NAME, named, "--model or FINDLING_MODEL")


def pieces_file(named: Path | None) -> Path:
    """The piece table: the one that is named, else the one in the same places."""
    return _kept("piece table", PIECES_NAME, named, "--pieces or FINDLING_PIECES")


def _kept(what: str, name: str, named: Path | None, option: str) -> Path:
    package = Path(__file__).parent
    places = [named] if named else [folder / name for folder in (package / "models", package.parents[1] / ".cache/model")]
    for place in places:
        if place.is_file():
            return place
    raise NotFound(f"there is no {what} at {', '.join(map(str, places))}; name one with {option}")
