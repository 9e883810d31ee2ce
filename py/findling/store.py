"""Where bytes lie: the Store contract, and the two stores of CPython, memory and a folder.

Owns reading ranges of named files, replacing a file as a whole, removing and listing files. Must not know what the bytes
mean. Invariant: a file is the old one or the new one after a crash, never a mixture; what was written is durable when
`write` returns; a read gives exactly the bytes that were asked for, fewer only where the file ends.
"""

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from findling.errors import NotFound, StorageError


class Store(Protocol):
    """Named files that can be read in ranges. What `read` gives is passed on to the engine, so it may be any kind of bytes it takes."""

    async def read(self, file: str, offset: int, length: int) -> Any:
        """The bytes from `offset` on, `length` of them or up to the file's end; raises `NotFound`, `StorageError` or `NetworkError`."""

    async def size(self, file: str) -> int:
        """The file's length in bytes; raises as `read` does."""


Range = tuple[str, int, int]
"""A file, where a range of it begins, and how many bytes."""


@runtime_checkable
class PartedStore(Store, Protocol):
    """A store to which many parts of a file are hardly more than one."""

    async def read_parts(self, file: str, parts: Sequence[tuple[int, int]]) -> list[Any]:
        """What `read` gives for each part: where it begins, and how many bytes."""


async def read_ranges(store: Store, ranges: Sequence[Range]) -> list[Any]:
    """What `read` gives for each, at once; raises what it raises."""
    if not isinstance(store, PartedStore):
        return list(await asyncio.gather(*(store.read(*each) for each in ranges)))
    by_file: dict[str, list[int]] = {}
    for number, (file, _, _) in enumerate(ranges):
        by_file.setdefault(file, []).append(number)
    read: list[Any] = [None] * len(ranges)
    for file, numbers in by_file.items():
        found = await store.read_parts(file, [ranges[number][1:] for number in numbers])
        for number, data in zip(numbers, found, strict=True):
            read[number] = data
    return read


class WritableStore(Store, Protocol):
    """A store that keeps what it is given. Names are those of files, or of files in one folder: `FOLDER/FILE`."""

    async def write(self, file: str, data: Any) -> None:
        """Put `data` in the place of the file; returns when it is durable. Raises `StorageError`, and the old file stays then."""

    async def remove(self, file: str) -> None:
        """Take a file out; one that is not there is gone already. Raises `StorageError`."""

    async def names(self, prefix: str = "") -> list[str]:
        """The files whose names begin with `prefix`, in the order of their names, those that a crash left half written too."""


class MemoryStore:
    """Files in a dictionary."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    async def read(self, file: str, offset: int, length: int) -> bytes:
        return self._bytes(file)[offset : offset + length]

    async def size(self, file: str) -> int:
        return len(self._bytes(file))

    async def write(self, file: str, data: Any) -> None:
        """Put `data` in the place of the file."""
        self.files[file] = bytes(data)

    async def remove(self, file: str) -> None:
        """Take a file out."""
        self.files.pop(file, None)

    async def names(self, prefix: str = "") -> list[str]:
        """The files whose names begin with `prefix`."""
        return sorted(name for name in self.files if name.startswith(prefix))

    def _bytes(self, file: str) -> bytes:
        if file not in self.files:
            raise NotFound(f"there is no file {file!r} in memory", file=file)
        return self.files[file]


class FolderStore:
    """Files of one folder and of the folders in it; names with `..` and absolute names, which would lead out of it, are refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def read(self, file: str, offset: int, length: int) -> bytes:
        return await asyncio.to_thread(self._read, file, offset, length)

    async def size(self, file: str) -> int:
        path = self._path(file)
        try:
            return path.stat().st_size
        except OSError as error:
            raise _converted(error, file) from error

    async def write(self, file: str, data: Any) -> None:
        """Put `data` in the place of the file, by way of a sibling that is renamed over it; both are on the disk then."""
        await asyncio.to_thread(self._write, file, data)

    async def remove(self, file: str) -> None:
        """Take a file out, and its folder where it was the last one."""
        await asyncio.to_thread(self._remove, file)

    async def names(self, prefix: str = "") -> list[str]:
        """The files whose names begin with `prefix`, also in the folders of this folder, but not deeper; links are none of ours."""
        return await asyncio.to_thread(self._names, prefix)

    def _path(self, file: str) -> Path:
        path = Path(file)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise NotFound(f"{file!r} is not the name of a file in this folder", file=file)
        return self.folder / path

    def _read(self, file: str, offset: int, length: int) -> bytes:
        try:
            with self._path(file).open("rb") as stream:
                stream.seek(offset)
                return stream.read(length)
        except OSError as error:
            raise _converted(error, file) from error

    def _write(self, file: str, data: Any) -> None:
        path = self._path(file)
        temporary = None
        try:
            is_new = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            temporary = None
            _sync_folder(path.parent)
            if is_new:
                _sync_folder(path.parent.parent)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise _converted(error, file) from error

    def _remove(self, file: str) -> None:
        path = self._path(file)
        try:
            path.unlink()
            _sync_folder(path.parent)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _converted(error, file) from error
        if path.parent != self.folder:
            try:
                path.parent.rmdir()
            except OSError:
                # Something is left in it, or it is gone.
                return

    def _names(self, prefix: str) -> list[str]:
        try:
            found = [path for path in self.folder.iterdir() if not path.is_symlink()]
            wanted = [folder for folder in found if folder.is_dir() and f"{folder.name}/".startswith(prefix[: len(folder.name) + 1])]
            deeper = [path for folder in wanted for path in folder.iterdir() if not path.is_symlink()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _converted(error, str(self.folder)) from error
        names = [path.relative_to(self.folder).as_posix() for path in (*found, *deeper) if path.is_file()]
        return sorted(name for name in names if name.startswith(prefix))


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; a rename is not there before. Systems without the flag do it by themselves."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _converted(error: OSError, file: str) -> NotFound | StorageError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"there is no file {file!r} here", file=file)
    return StorageError(f"{file!r} could not be read or written: {error.strerror or error}", file=file)
