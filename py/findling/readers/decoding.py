"""Bytes of a text to its characters: the guess of an encoding.

Owns which encodings are tried in which order. Must not know formats. Invariant: the same bytes give the same text
everywhere; bytes that are no text are refused.
"""

import codecs

from findling.errors import BadInput
from findling.readers.encodings import SAMPLE_BYTES, SUPERSETS, WESTERN, complete, guess
from findling.readers.files import Needs

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes, declared: str = "") -> str:
    """The text in a file's bytes: by its byte order mark, else UTF-8, else the encoding it declares, else the likeliest one.

    Line ends become a single newline. A file that is UTF-8 but for a few broken bytes keeps its text, with U+FFFD for them.
    Raises `BadInput` for binary.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data[len(mark) :].decode("utf-8", "replace") if encoding == "utf-8" else data.decode(encoding, "replace")
            break
    else:
        text = _decode_unmarked(data, declared)
    if "\x00" in text:
        raise BadInput("the file is not text: it has NUL characters in it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_unmarked(data: bytes, declared: str) -> str:
    if b"\x00" in data:
        text = _as_utf16(data)
        if text is None:
            raise BadInput("the file is not text: it has NUL bytes in it")
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    controls = len(data) - len(data.translate(None, bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))))
    if controls * 100 > len(data):
        raise BadInput("the file is not text: more than one byte in a hundred is a control character")
    declared_text = _as_declared(data, declared)
    if declared_text is not None:
        return declared_text
    repaired = data.decode("utf-8", "replace")
    broken = repaired.count("\ufffd")
    sound = sum(1 for letter in repaired if letter > "\x7f") - broken
    if sound > broken:
        return repaired
    name = guess(data)
    if name != WESTERN:
        return data.decode(SUPERSETS.get(name, name), "replace")
    # Five bytes mean nothing in Windows-1252; in Latin-1 every byte means something.
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _as_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: where every second byte is mostly NUL, as in text that has blanks and line ends."""
    if len(data) % 2:
        return None
    sample = data[:SAMPLE_BYTES]
    for name, zeros, others in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if zeros.count(0) * 5 > len(zeros) and others.count(0) * 100 < len(others):
            try:
                return data.decode(name)
            except UnicodeDecodeError:
                return None
    return None


def _as_declared(data: bytes, declared: str) -> str | None:
    """The text by the name of an encoding in a file, None where that name or the bytes are wrong."""
    try:
        name = _known(declared) if declared else ""
        # What calls itself Latin-1 or ASCII is Windows-1252 (WHATWG Encoding, 4.2).
        if name in ("ascii", "iso8859-1", "latin-1"):
            return None
        text = data.decode(name) if name else None
    except (LookupError, ValueError):
        return None
    return text if isinstance(text, str) else None


def _known(declared: str) -> str:
    """Python's name of an encoding; raises `LookupError` where there is none, `Needs` where it may be among those that wait."""
    try:
        return codecs.lookup(declared).name
    except LookupError:
        if complete():
            raise
        raise Needs("stdlib") from None
