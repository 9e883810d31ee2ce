"""What an installation has: a model, a piece table, an engine that has taken them, and the built site.

Owns the places that are looked into, in their order, and what of them is fetched once and kept. Must not know what is done
with the engine. Invariant: a file that was named is used or refused, never passed over for another.
"""

import asyncio
import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urldefrag, urlsplit

from findling import cache
from findling.engine import Engine, inspect, load
from findling.errors import BadRequest, NotFound, WrongDigest
from findling.remote import HttpStore

NAME = "all-MiniLM-L6-v2"
MODEL, PIECES = "model", "pieces"
SUFFIXES = {MODEL: ".findling", PIECES: ".pieces"}
WHAT = {MODEL: "model file", PIECES: "piece table"}
PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parents[1]
"""Where the package stands in a checkout; in an installation nothing of ours is there."""
THREADS = "RAYON_NUM_THREADS"
"""What the engine looks at when it first shares texts out."""
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 1 << 20
"""Of glibc's malloc.h, and from how many bytes on a block is given back at once."""


class Found(NamedTuple):
    """A file that an engine takes: where it was found, and its bytes."""

    place: str
    data: bytes


def engine(model: str | Path | None = None, pieces: str | Path | None = None, *, encoder: str = "auto") -> Engine:
    """An engine with the model and the piece table that are named or found; for the encoder `static` with the table alone.

    Raises `NotFound` where there is no such file, and what the engine raises about files that are none of its own.
    """
    made = load()
    if encoder == "static":
        made.load_pieces(find(PIECES, pieces).data)
        return made
    made.load_model(find(MODEL, model).data)
    table = find(PIECES, pieces) if pieces is not None else table_of(model)
    if table is not None:
        made.load_pieces(table.data)
    return made


def table_of(model: str | Path | None) -> Found | None:
    """The piece table of a model: a model of one's own has it beside it, or has none."""
    if model is not None:
        beside = Path(str(model)).with_suffix(SUFFIXES[PIECES])
        return Found(str(beside), beside.read_bytes()) if beside.is_file() else None
    try:
        return find(PIECES)
    except NotFound:
        return None


def use_threads(count: int) -> None:
    """Have the engine embed on so many threads; it has to be said before an engine embeds for the first time."""
    os.environ[THREADS] = str(count)


def give_back() -> None:
    """Have the process give large blocks of memory back as soon as nobody needs them, where its allocator is glibc's.

    Left alone, glibc keeps ever larger blocks for later (M_MMAP_THRESHOLD of mallopt(3) grows to 32 MiB), which a build would
    never use again: its peak is an eighth higher then.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def find(kind: str, named: str | Path | None = None) -> Found:
    """The model or piece table (`kind`) at a path or address, else the installation's, else the one that was fetched last.

    A file of an address is fetched once and kept. Raises `NotFound`, `NetworkError`, `WrongDigest` or `StorageError`.
    """
    if named is not None and urlsplit(str(named)).scheme in ("http", "https"):
        return _fetched(kind, str(named))
    places = [Path(named)] if named else _places(kind)
    for place in places:
        if place.is_file():
            return Found(str(place), place.read_bytes())
    option = f"--{kind} or FINDLING_{kind.upper()}"
    if named:
        raise NotFound(f"there is no {WHAT[kind]} at {named}; name one, or its address, with {option}", file=str(named))
    try:
        path, data = cache.Cache(cache.folder()).get(kind)
    except NotFound:
        raise NotFound(
            f"this installation has no {WHAT[kind]}: none came with it and none was fetched to {cache.folder()}; "
            f"name a file, or an address that it is fetched from once, with {option}"
        ) from None
    return Found(str(path), data)


def site() -> Path:
    """The folder of the built site: the installed one, or that of the checkout. Raises `NotFound`."""
    for folder in (PACKAGE / "site", CHECKOUT / "dist"):
        if (folder / "index.html").is_file():
            return folder
    raise NotFound("the built site is not part of this installation; in a checkout ./build.sh build makes it")


def _places(kind: str) -> list[Path]:
    """The files of an installation and of a checkout; in a built site they carry a digest in their names."""
    stem = NAME if kind == MODEL else f"{NAME}-{PIECES}"
    built = sorted((PACKAGE / "site/files").glob(f"{stem}-{'[0-9a-f]' * 16}.findling"))
    return [*built, CHECKOUT / ".cache/model" / f"{NAME}{SUFFIXES[kind]}"]


def _fetched(kind: str, address: str) -> Found:
    """The file of an address, from the cache if it was fetched before. `#sha256=HEX` behind the address has to be its digest."""
    address, told = urldefrag(address)
    wanted = told.removeprefix("sha256=")
    kept = cache.Cache(cache.folder())
    try:
        path, data = kept.get(address)
    except (NotFound, WrongDigest):
        folder, _, name = address.rpartition("/")
        with HttpStore(folder) as store:
            data = asyncio.run(_whole(store, name))
        if told and hashlib.sha256(data).hexdigest() != wanted:
            raise WrongDigest(f"{address} has the sha256 {hashlib.sha256(data).hexdigest()}, not {wanted}; it was not used") from None
        found = inspect(data)["kind"]
        if found != kind:
            raise BadRequest(f"{address} is of the kind {found}, not {kind}") from None
        path = kept.root / kept.put(data, address, kind)
    else:
        if told and path.name != wanted:
            raise WrongDigest(f"{address} was fetched with the sha256 {path.name}, not {wanted}; it was not used")
    return Found(str(path), data)


async def _whole(store: HttpStore, name: str) -> bytes:
    return await store.read(name, 0, await store.size(name))
