"""Files to documents: from a name and bytes to what can be found.

Owns the way of a file through its reader. Must not know what becomes of the documents. Invariant: bytes of any kind end as
documents or as a `FindlingError` that says why, never as another exception (but `Needs`, before anything was read) and
never by taking all memory; what was read before a fault is kept.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from findling.documents import Place
from findling.errors import BadInput, FindlingError, Unsupported
from findling.readers.decoding import decode
from findling.readers.files import MAX_DEPTH, MAX_SECONDS, Budget, File, Needs, Reading, Skipped, TooLong, nothing, reason_of
from findling.readers.formats import BY_SUFFIX, SUFFIX_OF_MIME, TABLE, Format

__all__ = ["BY_SUFFIX", "FORMATS", "SUFFIX_OF_MIME", "Budget", "File", "Needs", "Reading", "Skipped", "clean_name", "decode", "inside", "nothing", "places_of", "read", "reason_of", "steps", "suffix_of", "title_of"]  # fmt: skip

FORMATS = tuple(BY_SUFFIX)
"""The suffixes of all files that can be read."""
KINDS = "text, tables, web pages, PDF, office documents, books, subtitles, mail, images, sound, film, source code and ZIP archives of them"
"""The formats in words, for messages."""
STANDARD_LIBRARY = "stdlib"
"""What a reader without a package of its own may lack: in a browser most of the standard library waits to be needed."""

# Characters that are not shown but change how a name is shown, above all the ones that reverse its direction.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def read(name: str, data: bytes, **more: Any) -> Reading:
    """The documents in a file; the suffix of `name` decides how it is read. See `steps`."""
    reading = Reading()
    for _ in steps(File(name, data, **more), reading):
        pass
    return reading


def steps(file: File, reading: Reading) -> Iterator[None]:
    """Read a file into `reading`, step by step: after each others may get their turn.

    Raises `Unsupported` for another kind of file, `BadInput` for one that is too big, broken, takes too long or has nothing
    in it, and `Needs` where a package is missing, before anything was read.
    """
    suffix = suffix_of(file.name)
    format = BY_SUFFIX.get(suffix)
    if format is None:
        named = f"{suffix} files" if suffix else "files without a suffix"
        raise Unsupported(f"{named} cannot be read; what can: {KINDS}", suffix=suffix)
    if len(file.data) > format.max_bytes:
        raise BadInput(f"the file has {len(file.data)} bytes, the limit is {format.max_bytes}; split it", limit=format.max_bytes)
    reader = _reader(format)
    if file.depth == 0:
        # Readers of texts are our own and know their limits.
        yield from _watched(_guarded(file, format, reader, reading), file.budget, traced=not format.is_text)
    else:
        yield from _guarded(file, format, reader, reading)
    if not (reading.documents or reading.skipped or reading.belongs_to):
        raise BadInput(reading.reason() or "the file holds no text to find it by")


def inside(file: File, name: str, data: bytes, reading: Reading, beside: Callable[[str], bytes | None] = nothing) -> Iterator[None]:
    """Read a file that was found inside of `file` into its reading; what cannot be used is listed there as skipped."""
    file.budget.enter()
    if file.depth >= MAX_DEPTH:
        reading.skipped.append(Skipped(name, BadInput.code, f"it lies in more than {MAX_DEPTH} files that lie in one another"))
        return
    found = Reading()
    try:
        with file.budget.metered():
            yield from steps(File(name, data, file.budget, file.depth + 1, beside), found)
    except FindlingError as error:
        found.skipped.append(Skipped(name, error.code, error.message))
    reading.documents += found.documents
    reading.skipped += found.skipped
    if found.faults:
        reading.skipped.append(Skipped(name, BadInput.code, found.reason()))


def _watched(work: Iterator[None], budget: Budget, traced: bool) -> Iterator[None]:
    """The same steps, with the clock running only while one is made."""
    while True:
        with budget.running(traced):
            ended = next(work, work) is work
        if ended:
            return
        yield


def _guarded(file: File, format: Format, reader: Callable[..., Any], reading: Reading) -> Iterator[None]:
    """The steps of a reader, its exceptions as errors of ours; after the first document they are faults."""
    try:
        if format.is_text:
            text = decode(file.data)
            if not text.strip():
                raise BadInput("the file is empty")
            found = reader(file.name, text)
            reading.documents += found.documents
            reading.faults += found.faults
            return
        if not file.data:
            raise BadInput("the file is empty")
        yield from reader(file, reading)
    except Needs:
        raise
    except (Exception, TooLong) as error:
        told = _told(error)
        if not reading.documents:
            raise told from error
        reading.faults.append(("the rest", told.message))


def _told(error: BaseException) -> FindlingError:
    if isinstance(error, FindlingError):
        return error
    if isinstance(error, TooLong):
        return BadInput(f"it takes longer than {MAX_SECONDS:.0f} seconds to read; split it", limit=MAX_SECONDS)
    if isinstance(error, MemoryError):
        return BadInput("there is not enough memory to read it; split it")
    return BadInput(f"the file is broken: {reason_of(error)}")


def _reader(format: Format) -> Callable[..., Any]:
    """The reader of a format, imported when its first file arrives: a page that reads no files starts without them."""
    try:
        found: Callable[..., Any] = import_module(f"findling.readers.{format.module}").read
    except ModuleNotFoundError as error:
        raise Needs(format.package or STANDARD_LIBRARY) from error
    return found


def suffix_of(name: str) -> str:
    """The last suffix of a file's name, in lower case and with its dot; empty where there is none."""
    base = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    return f".{suffix.lower()}" if stem and dot else ""


def clean_name(name: str) -> str:
    """A file's name without the characters that would disguise it, for ids, titles and lists."""
    return _UNSHOWN.sub("", name)[:255] or "unnamed"


def title_of(name: str) -> str:
    """A title made from a file's name: no folder, no suffix, blanks for `_` and `-`."""
    base = name.replace("\\", "/").rpartition("/")[2]
    stem = base[: len(base) - len(suffix_of(base))]
    return re.sub(r"[\s_-]+", " ", stem).strip() or base


def places_of(text: str, pieces: list[str], numbers: list[int], headings: tuple[str, ...] = ()) -> list[tuple[Place, ...]]:
    """For each of the pieces, which follow one another in `text`, where it stands in its file.

    `numbers` are those of the lines of `text` in the file; where one does not follow the one before, a place begins.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = []
    end = 0
    for piece in pieces:
        begin = text.find(piece, end)
        end = begin + len(piece)
        first = bisect_right(starts, begin) - 1
        last = bisect_right(starts, max(end - 1, begin)) - 1
        places = [Place(0, headings, line=numbers[first])]
        for at in range(first + 1, last + 1):
            if numbers[at] != numbers[at - 1] + 1:
                places.append(Place(starts[at] - begin, headings, line=numbers[at]))
        found.append(tuple(places))
    return found


def limit_of(name: str) -> int:
    """How many bytes a file of this name may have; where no reader knows it, as many as any."""
    format = BY_SUFFIX.get(suffix_of(name))
    return format.max_bytes if format else max(each.max_bytes for each in TABLE)
