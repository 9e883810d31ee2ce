"""Pictures: where in their bytes they describe themselves.

Owns the containers: JPEG, PNG, WebP, GIF, TIFF, HEIF and AVIF, as far as the way to their size, EXIF, XMP and IPTC. Must not know what
these say. Invariant: no picture is decoded, every length is checked against the bytes that are there, and each loop moves on.
"""

import struct
import zlib
from dataclasses import dataclass, field

from findling.errors import BadInput

MAX_SEGMENTS = 10_000
MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Of a description: honest ones have a few kilobytes, those of Photoshop a megabyte."""


@dataclass(slots=True)
class Picture:
    """The parts of a file that describe its picture; width and height in pixels where they are told."""

    width: int = 0
    height: int = 0
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    texts: list[tuple[str, str]] = field(default_factory=list)


def taken_apart(data: bytes) -> Picture:
    """The description of a picture by the first bytes of its file; raises `BadInput` where it is none of those known."""
    picture = Picture()
    try:
        if data.startswith(b"\xff\xd8"):
            _jpeg(data, picture)
        elif data.startswith(b"\x89PNG\r\n\x1a\n"):
            _png(data, picture)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            _webp(data, picture)
        elif data[:6] in (b"GIF87a", b"GIF89a"):
            picture.width, picture.height = struct.unpack_from("<HH", data, 6)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            picture.exif = data
        elif data[4:8] == b"ftyp":
            _heif(data, picture)
        else:
            raise BadInput("it is not the picture that its name says, or it is damaged")
    except struct.error as error:
        raise BadInput("the file ends in the middle of the picture's description") from error
    return picture


def _jpeg(data: bytes, picture: Picture) -> None:
    """Segments up to the first scan (ITU T.81, annex B)."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            return
        marker = data[at + 1]
        if marker in (0xD9, 0xDA):
            return
        if 0xD0 <= marker <= 0xD8 or marker == 1:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 5:
            picture.height, picture.width = struct.unpack_from(">HH", body, 1)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            picture.exif = picture.exif or body[6:]
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            picture.xmp = picture.xmp or body[29:]
        elif marker == 0xED and body.startswith(b"Photoshop 3.0\0"):
            picture.iptc = picture.iptc or _photoshop(body[14:])
        elif marker == 0xFE:
            picture.texts.append(("Comment", body.decode("utf-8", "replace")))
        at += 2 + max(length, 2)


def _photoshop(data: bytes) -> bytes:
    """The IPTC among Photoshop's image resources (Adobe, "Photoshop File Formats", image resource blocks)."""
    at = 0
    for _ in range(MAX_SEGMENTS):
        if data[at : at + 4] != b"8BIM" or at + 12 > len(data):
            return b""
        (number,) = struct.unpack_from(">H", data, at + 4)
        name = data[at + 6]
        at += 6 + name + 1 + (name + 1) % 2
        (length,) = struct.unpack_from(">I", data, at)
        at += 4
        if number == 0x0404:
            return data[at : at + length]
        at += length + length % 2
    return b""


def _png(data: bytes, picture: Picture) -> None:
    """Chunks (W3C, Portable Network Graphics, third edition)."""
    at = 8
    for _ in range(MAX_SEGMENTS):
        if at + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length] if kind != b"IDAT" else b""
        if kind == b"IHDR":
            picture.width, picture.height = struct.unpack_from(">II", body)
        elif kind == b"eXIf":
            picture.exif = body
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text = _png_text(kind, body)
            if key == "XML:com.adobe.xmp":
                picture.xmp = text
            elif key and len(picture.texts) < 100:
                picture.texts.append((key, text.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")))
        elif kind == b"IEND":
            return
        at += 12 + length


def _png_text(kind: bytes, body: bytes) -> tuple[str, bytes]:
    key, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif packed:
        rest = rest[1:]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, MAX_TEXT_BYTES)
        except zlib.error:
            rest = b""
    return key.decode("latin-1"), rest[:MAX_TEXT_BYTES]


def _webp(data: bytes, picture: Picture) -> None:
    """Chunks of RIFF (https://developers.google.com/speed/webp/docs/riff_container)."""
    at = 12
    for _ in range(MAX_SEGMENTS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if kind == b"VP8X" and len(body) >= 10:
            picture.width, picture.height = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        elif kind == b"VP8 " and len(body) >= 10 and not picture.width:
            width, height = struct.unpack_from("<HH", body, 6)
            picture.width, picture.height = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and len(body) >= 5 and not picture.width:
            bits = int.from_bytes(body[1:5], "little")
            picture.width, picture.height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"EXIF":
            picture.exif = body.removeprefix(b"Exif\0\0")
        elif kind == b"XMP ":
            picture.xmp = body
        at += 8 + length + length % 2


def _heif(data: bytes, picture: Picture) -> None:
    """EXIF and XMP among the items of HEIF and AVIF (ISO/IEC 14496-12, 8.11), the largest extent as the picture's size."""
    meta = _box(data, 0, len(data), b"meta")
    if meta is None:
        return
    start, end = meta[0] + 4, meta[1]
    kinds = _item_kinds(data, start, end)
    for item, (offset, length) in _item_places(data, start, end).items():
        body = data[offset : offset + min(length, MAX_TEXT_BYTES)]
        if kinds.get(item) == b"Exif" and len(body) > 4:
            picture.exif = body[4 + int.from_bytes(body[:4], "big") :]
        elif kinds.get(item) == b"mime":
            picture.xmp = body
    at = data.find(b"ispe", start, end)
    while at >= 0:
        if at + 16 <= end:
            width, height = struct.unpack_from(">II", data, at + 8)
            if width * height > picture.width * picture.height:
                picture.width, picture.height = width, height
        at = data.find(b"ispe", at + 4, end)


def _box(data: bytes, start: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    """Where the content of the first box of this kind begins and ends."""
    for _ in range(MAX_SEGMENTS):
        if start + 8 > end:
            return None
        length, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        length = length or end - start
        if length < header:
            return None
        if kind == wanted:
            return start + header, min(start + length, end)
        start += length
    return None


def _item_kinds(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """The kind of each item by its number (`iinf`)."""
    kinds: dict[int, bytes] = {}
    box = _box(data, start, end, b"iinf")
    if box is None:
        return kinds
    at = box[0] + (6 if data[box[0]] == 0 else 8)
    while (entry := _box(data, at, box[1], b"infe")) and len(kinds) < MAX_SEGMENTS:
        version = data[entry[0]]
        wide = version == 3
        item = int.from_bytes(data[entry[0] + 4 : entry[0] + (8 if wide else 6)], "big")
        kinds[item] = data[entry[0] + (10 if wide else 8) : entry[0] + (14 if wide else 12)]
        at = entry[1]
    return kinds


def _item_places(data: bytes, start: int, end: int) -> dict[int, tuple[int, int]]:
    """Offset and length of the items that lie in one piece in the file (`iloc`)."""
    places: dict[int, tuple[int, int]] = {}
    box = _box(data, start, end, b"iloc")
    if box is None:
        return places
    at, end = box
    version = data[at]
    sizes = int.from_bytes(data[at + 4 : at + 6], "big")
    offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    count = int.from_bytes(data[at + 6 : at + 6 + wide], "big")
    at += 6 + wide

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(min(count, MAX_SEGMENTS)):
        if at >= end:
            break
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        extents = number(2)
        for extent in range(min(extents, MAX_SEGMENTS)):
            number(index_size)
            offset, length = number(offset_size), number(length_size)
            if extents == 1 and extent == 0 and method == 0:
                places[item] = (base + offset, length)
            if at >= end:
                break
    return places
