"""Published collections on CPython: where one lies, a file, a folder or an address, and how its files are written.

Owns the names of the files and the order in which they come and go. Must not know what is in them beside what their headers tell.
Invariant: a folder holds the old collection or the new one at every moment, because the pointer is written last and only
then the segments go that no pointer names.
"""

from pathlib import Path
from urllib.parse import urlsplit

from findling import segments
from findling.commits import Shelf
from findling.engine import inspect
from findling.errors import NotFound
from findling.remote import HttpStore
from findling.segments import POINTER, SUFFIX
from findling.store import FolderStore, Store


def located(target: str) -> tuple[Store, str]:
    """The store of a collection and the name of its file there: the file itself, or the pointer in a folder or at an address.

    Raises `NotFound` where there is neither file nor folder.
    """
    if urlsplit(target).scheme in ("http", "https"):
        if not urlsplit(target).path.endswith(SUFFIX):
            return HttpStore(target), POINTER
        folder, _, name = target.rpartition("/")
        return HttpStore(folder), name
    path = Path(target)
    if path.is_dir():
        return FolderStore(path), POINTER
    if not path.is_file():
        raise NotFound(f"there is no file or folder {target}", file=target)
    return FolderStore(path.parent), path.name


def files(published: bytes) -> dict[str, bytes]:
    """The files in an engine's answer to `publish`, in the order in which they are to be written: the pointer last."""
    return segments.split(published, inspect)[1]


def is_collection(path: Path) -> bool:
    """Whether a path is an index file, or a folder with a published collection."""
    return path.suffix == SUFFIX if path.is_file() else (path / POINTER).is_file()


async def read_first(target: str) -> int:
    """What `segments.read_first` tells of a collection, of which only the pointer, or the one file, is read."""
    store, name = located(target)
    return segments.read_first(inspect(await store.read(name, 0, await store.size(name))))


async def write(folder: Path, named: dict[str, bytes]) -> None:
    """Put the files of a collection into a folder, and take out what is left of the one that was there."""
    shelf = Shelf(FolderStore(folder), "", inspect)
    await shelf.put(named)
    await shelf.sweep()


async def read(target: str) -> dict[str, bytes]:
    """All files of a collection, or the one file of an index or model, by their names."""
    store, name = located(target)
    whole = {name: bytes(await store.read(name, 0, await store.size(name)))}
    for segment in segments.names(inspect(whole[name])):
        whole[segment] = bytes(await store.read(segment, 0, await store.size(segment)))
    return whole
