"""Files to documents: which reader reads which file, and what all of them share.

Owns the table of formats, the limit of a file and the decoding of its bytes. Must not know what becomes of the
documents. Invariant: bytes of any kind end as documents or as a `FindlingError` that says why, never as another
exception and never by taking all memory.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from findling.documents import Document, Place
from findling.errors import BadInput, FindlingError, Unsupported

MAX_FILE_BYTES = 32 * 1024 * 1024
"""A parsed file takes about ten times its size in memory, and a browser's tab has about a gigabyte."""
MAX_NAMED_FAULTS = 3

FORMATS = (".txt", ".md", ".json", ".jsonl", ".csv")

# Characters that are not shown but change how a name is shown, above all the ones that reverse its direction.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(slots=True)
class Reading:
    """What a file held: its documents, and for each part that could not be used the place and the reason."""

    documents: list[Document] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def reason(self) -> str:
        """The faults in one sentence, the first few in full."""
        named = "; ".join(f"{place}: {reason}" for place, reason in self.faults[:MAX_NAMED_FAULTS])
        more = len(self.faults) - MAX_NAMED_FAULTS
        return f"{named}; and {more} more" if more > 0 else named


def read(name: str, data: bytes) -> Reading:
    """The documents in a file; the suffix of `name` decides how it is read.

    Raises `Unsupported` for another kind of file and `BadInput` for one that is too big, not text, or has nothing in it.
    """
    suffix = suffix_of(name)
    if suffix not in FORMATS:
        raise Unsupported(
            f"{f'{suffix} files' if suffix else 'files without a suffix'} cannot be read; {', '.join(FORMATS)} can", suffix=suffix
        )
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(f"the file has {len(data)} bytes, the limit is {MAX_FILE_BYTES}; split it", limit=MAX_FILE_BYTES)
    text = decode(data)
    if not text.strip():
        raise BadInput("the file is empty")
    reading = _reader(suffix)(name, text)
    if not reading.documents:
        raise BadInput(reading.reason() or "the file holds no text to find it by")
    return reading


def _reader(suffix: str) -> Callable[[str, str], Reading]:
    """The reader of a format, imported when its first file arrives: a page that reads no files starts without them."""
    if suffix == ".txt":
        from findling.readers.text import read as read_text

        return read_text
    if suffix == ".md":
        from findling.readers.markdown import read as read_markdown

        return read_markdown
    if suffix == ".json":
        from findling.readers.json_objects import read as read_json

        return read_json
    if suffix == ".jsonl":
        from findling.readers.json_lines import read as read_lines

        return read_lines
    from findling.readers.csv_rows import read as read_rows

    return read_rows


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


def decode(data: bytes) -> str:
    """The text in a file's bytes: by its byte order mark, else UTF-8, else Windows-1252. Line ends become a single newline.

    A file that is UTF-8 but for a few broken bytes keeps its text, with U+FFFD for them. Raises `BadInput` for binary.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data[len(mark) :].decode("utf-8", "replace") if encoding == "utf-8" else data.decode(encoding, "replace")
            break
    else:
        text = _decode_unmarked(data)
    if "\x00" in text:
        raise BadInput("the file is not text: it has NUL characters in it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_unmarked(data: bytes) -> str:
    if b"\x00" in data:
        raise BadInput("the file is not text, or it is UTF-16 without a byte order mark; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    controls = len(data) - len(data.translate(None, bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))))
    if controls * 100 > len(data):
        raise BadInput("the file is not text: more than one byte in a hundred is a control character")
    repaired = data.decode("utf-8", "replace")
    broken = repaired.count("\ufffd")
    sound = sum(1 for letter in repaired if letter > "\x7f") - broken
    if sound > broken:
        return repaired
    # Five bytes mean nothing in Windows-1252; in Latin-1 every byte means something.
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def reason_of(error: Exception) -> str:
    """Why a part of a file was left out, in words."""
    return error.message if isinstance(error, FindlingError) else str(error)
