"""A collection as one file: a ZIP of its pointer and its segments, stored as they are, to be carried elsewhere.

Owns the order and the times in it, and the checks of one that comes from elsewhere. Must not know where files lie. Invariant:
the same collection gives the same bytes; what `unpack` gives is whole, verified block by block, and has no other file.
"""

import io
import zipfile
from typing import Any

from findling import segments
from findling.errors import BadFormat, FindlingError
from findling.segments import POINTER, Inspect

MAX_FILES = 1_000
MAX_BYTES = 4 << 30
"""The most that the files of a bundle may have together."""

_WHEN = (1980, 1, 1, 0, 0, 0)
_MAGIC = b"PK\x03\x04"


def pack(files: dict[str, Any], inspect: Inspect) -> bytes:
    """The files of a collection, by their names, as one ZIP: the pointer first, then its segments in its order."""
    kept = bytes(files[POINTER])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in (POINTER, *segments.names(inspect(kept))):
            entry = zipfile.ZipInfo(name, _WHEN)
            # As if it had been made on the same system everywhere.
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, kept if name == POINTER else bytes(files[name]))
    return packed.getvalue()


def unpack(data: Any, inspect: Inspect) -> dict[str, bytes]:
    """The files in a bundle, or of an index that is one file, by their names, the pointer last.

    Raises `BadFormat` for anything else, and the engine's errors for files that are damaged or of another version.
    """
    # As bytes: from a page they come as a view of memory.
    data = bytes(data)
    files = _entries(data) if data.startswith(_MAGIC) else {POINTER: data}
    if POINTER not in files:
        raise BadFormat(f"the ZIP has no {POINTER}, so it is no collection that Findling exported; to search in its files, add it")
    try:
        headers = {name: inspect(each) for name, each in files.items()}
    except FindlingError as error:
        if error.code != BadFormat.code or data.startswith(_MAGIC):
            raise
        raise BadFormat(f"this is no collection that Findling exported or saved: {error.message}") from error
    foreign = [name for name, header in headers.items() if header["kind"] != "index"]
    if foreign:
        raise BadFormat(f"{foreign[0]} is a {headers[foreign[0]]['kind']} and no collection", file=foreign[0])
    named = segments.names(headers[POINTER])
    if sorted(named) != sorted(files.keys() - {POINTER}):
        odd = sorted(set(named) ^ (files.keys() - {POINTER}))
        raise BadFormat(f"the files are not those that the collection names: {', '.join(odd[:3])}; export it again", files=odd[:3])
    for segment in segments.listed(headers[POINTER]):
        name = str(segment["file"])
        if headers[name]["digest"] != segment.get("digest") or len(files[name]) != segment.get("length"):
            raise BadFormat(f"{name} is not the file that the collection means; export it again", file=name)
    return {**{name: files[name] for name in named}, POINTER: files[POINTER]}


def _entries(data: bytes) -> dict[str, bytes]:
    """The files of a ZIP that has nothing in it but stored files with plain names, each once."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise BadFormat(f"the ZIP holds more than {MAX_FILES} files or {MAX_BYTES} bytes, which no collection has")
            for entry in entries:
                is_plain = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size and not entry.flag_bits & 1
                if not is_plain or "/" in entry.filename or not entry.filename.endswith(segments.SUFFIX):
                    raise BadFormat("the ZIP is no collection that Findling exported; to search in its files, add it", file=entry.filename[:100])
            if len({entry.filename for entry in entries}) < len(entries):
                raise BadFormat("the ZIP has two files of one name; export the collection again")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, UnicodeError) as error:
        raise BadFormat(f"the ZIP is damaged: {error}; export the collection again") from error
