"""ZIP as a container: its entries, with limits on what comes out of them.

Owns the checks that stand before and during unpacking. Must not know what entries mean. Invariant: no more bytes of an
entry are in memory than its limit, whatever its header says, and all of them count for the budget of the file.
"""

import zipfile
import zlib
from collections.abc import Iterator

from findling.errors import BadInput
from findling.readers import File
from findling.readers.files import MAX_INNER_FILES, MAX_RATIO, RATIO_FREE_BYTES

MAX_ENTRY_BYTES = 128 * 1024 * 1024
_CHUNK = 256 * 1024
_ENTRY = b"PK\x01\x02"


class Container:
    """The entries of a ZIP file. Raises `BadInput` where it is none, or has too many."""

    def __init__(self, file: File) -> None:
        self._budget = file.budget
        # The list of entries is read as a whole, so it is counted before.
        if file.data.count(_ENTRY) > MAX_INNER_FILES:
            raise BadInput(f"it holds more than {MAX_INNER_FILES} files, which is the limit", limit=MAX_INNER_FILES)
        try:
            self._zip = zipfile.ZipFile(file.stream())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, UnicodeError) as error:
            raise BadInput(f"it is no ZIP file, or a damaged one: {error}") from error

    def entries(self) -> Iterator[zipfile.ZipInfo]:
        """The entries that are files, each name once, in the order of the list."""
        seen = set()
        for entry in self._zip.infolist():
            if not entry.is_dir() and entry.filename not in seen:
                seen.add(entry.filename)
                yield entry

    def has(self, name: str) -> bool:
        """Whether there is an entry of this name."""
        return name in self._zip.NameToInfo

    def read(self, name: str | zipfile.ZipInfo, limit: int = MAX_ENTRY_BYTES) -> bytes:
        """The bytes of an entry; raises `BadInput` where there is none, it is damaged, locked, or has more than `limit`."""
        try:
            entry = self._zip.getinfo(name) if isinstance(name, str) else name
        except KeyError:
            raise BadInput(f"it has no {name}, so it is damaged or another kind of file") from None
        if entry.flag_bits & 1:
            raise BadInput("it is locked with a password; unpack it first")
        ratio_limit = RATIO_FREE_BYTES + entry.compress_size * MAX_RATIO
        found = bytearray()
        try:
            with self._zip.open(entry) as stream:
                while block := stream.read(_CHUNK):
                    self._budget.unpack(len(block))
                    found += block
                    if len(found) > limit:
                        raise BadInput(f"{entry.filename[:100]} has more than {limit} bytes, which is the limit", limit=limit)
                    if len(found) > ratio_limit:
                        raise BadInput(f"{entry.filename[:100]} becomes more than {MAX_RATIO} times as long when it is unpacked, as bombs do")
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"{entry.filename[:100]} is damaged: {error}") from error
        return bytes(found)
