"""Bytes of a text to its characters: the guess of an encoding.

Owns which encodings are tried in which order. Must not know formats. Invariant: the same bytes give the same text
everywhere; bytes that are no text are refused.
"""

import codecs

from findling.errors import BadInput

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode(data: bytes, declared: str = "") -> str:
    """The text in a file's bytes: by its byte order mark, else UTF-8, else the encoding it declares, else Windows-1252.

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
        raise BadInput("the file is not text, or it is UTF-16 without a byte order mark; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    controls = len(data) - len(data.translate(None, bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))))
    if controls * 100 > len(data):
        raise BadInput("the file is not text: more than one byte in a hundred is a control character")
    text = _as_declared(data, declared)
    if text is not None:
        return text
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


def _as_declared(data: bytes, declared: str) -> str | None:
    """The text by the name of an encoding in a file, None where that name or the bytes are wrong."""
    try:
        name = codecs.lookup(declared).name if declared else ""
        # What calls itself Latin-1 or ASCII is Windows-1252 (WHATWG Encoding, 4.2).
        if name in ("ascii", "iso8859-1", "latin-1"):
            return None
        text = data.decode(name) if name else None
    except (LookupError, ValueError):
        return None
    return text if isinstance(text, str) else None
