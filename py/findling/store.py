"""Where bytes come from: the Store contract, and the two stores of CPython, memory and a folder.

Owns reading ranges of named files and replacing a file as a whole. Must not know what the bytes mean. Invariant: a
file is the old one or the new one after a crash, never a mixture; a read gives exactly the bytes that were asked for,
fewer only where the file ends.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any, Protocol

from findling.errors import NotFound, StorageError


class Store(Protocol):
    """Named files that can be read in ranges. What `read` gives is passed on to the engine, so it may be any kind of bytes it takes."""

    async def read(self, file: str, offset: int, length: int) -> Any:
        """The bytes from `offset` on, `length` of them or up to the file's end; raises `NotFound`, `StorageError` or `NetworkError`."""

    async def size(self, file: str) -> int:
        """The file's length in bytes; raises as `read` does."""


class MemoryStore:
    """Files in a dictionary."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    async def read(self, file: str, offset: int, length: int) -> bytes:
        return self._bytes(file)[offset : offset + length]

    async def size(self, file: str) -> int:
        return len(self._bytes(file))

    async def write(self, file: str, data: bytes) -> None:
        """Put `data` in the place of the file."""
        self.files[file] = bytes(data)

    def _bytes(self, file: str) -> bytes:
        if file not in self.files:
            raise NotFound(f"there is no file {file!r} in memory", file=file)
        return self.files[file]


class FolderStore:
    """Files of one folder; names with `..` and absolute names, which would lead out of it, are refused."""

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

    async def write(self, file: str, data: bytes) -> None:
        """Put `data` in the place of the file, by way of a sibling that is renamed over it."""
        await asyncio.to_thread(self._write, file, data)

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

    def _write(self, file: str, data: bytes) -> None:
        path = self._path(file)
        temporary = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise _converted(error, file) from error


def _converted(error: OSError, file: str) -> NotFound | StorageError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"there is no file {file!r} here", file=file)
    return StorageError(f"{file!r} could not be read or written: {error.strerror or error}", file=file)
