"""Images: what they tell of themselves and what others wrote about them.

Owns EXIF, XMP and IPTC as far as date, place, camera, title, caption and keywords go, and captions in files beside. Must not know
where in a picture these lie (`pictures`). Invariant: no pixel is decoded; an image that tells nothing is found by its name.

EXIF 3.0 (CIPA DC-008), XMP (ISO 16684-1), IPTC Information Interchange Model 4.2.
"""

import re
import struct
from collections.abc import Iterator
from typing import Any

from findling.errors import BadInput
from findling.readers import BY_SUFFIX, File, Reading, suffix_of, title_of
from findling.readers.layout import Layout, short
from findling.readers.pictures import MAX_TEXT_BYTES, taken_apart
from findling.readers.xml_events import events, local

MAX_PIXELS = 1 << 34
"""No camera has that many; whoever claims more lies about all else too."""
MAX_ENTRIES = 2_000
MAX_VALUES = 500
SIDECAR = ".xmp"

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
_SUBFOLDERS = (0x8769, 0x8825)
_EXIF = {
    0x010E: "caption", 0x010F: "make", 0x0110: "model", 0x0132: "changed", 0x013B: "artist", 0x8298: "rights", 0x9003: "taken", 0x9286: "comment",
    0x9C9B: "xp_title", 0x9C9C: "xp_comment", 0x9C9E: "xp_keywords", 0x9C9F: "xp_subject", 0xA434: "lens", 0x100: "width", 0x101: "height",
    0xA002: "exif_width", 0xA003: "exif_height",
}  # fmt: skip
_GPS = {1: "north", 2: "latitude", 3: "east", 4: "longitude", 5: "below", 6: "altitude"}
# Datasets of record 2.
_IPTC = {5: "title", 25: "keyword", 55: "taken", 80: "artist", 90: "city", 95: "region", 101: "country", 105: "headline", 116: "rights", 120: "caption"}
_XMP = {
    "title": "title", "description": "caption", "subject": "keyword", "creator": "artist", "rights": "rights", "Headline": "headline", "City": "city",
    "State": "region", "Country": "country", "Location": "spot", "DateCreated": "taken", "DateTimeOriginal": "taken", "CreateDate": "taken", "PersonInImage": "person",
    "hierarchicalSubject": "keyword", "Label": "label", "Rating": "rating", "AltTextAccessibility": "caption", "ExtDescrAccessibility": "caption", "Model": "model", "Make": "make",
}  # fmt: skip
_DATE = re.compile(r"(\d{4})[:-]?(\d{2})?[:-]?(\d{2})?(?:[T ](\d{2}:\d{2}(?::\d{2})?))?")
_EMPTY_CAPTIONS = frozenset({"olympus digital camera", "sony dsc", "dcim", "default", "samsung", "kodak digital still camera", "minolta digital camera", "untitled"})
_PNG_TEXTS = {"title": "title", "description": "caption", "comment": "caption", "author": "artist", "copyright": "rights", "keywords": "keyword"}


def read(file: File, reading: Reading) -> Iterator[None]:
    """A document of what is known about the image; a file of XMP belongs to the image beside it, where there is one."""
    told: dict[str, list[str]] = {}
    numbers: dict[str, Any] = {}
    if suffix_of(file.name) == SIDECAR:
        for name in _images_of(file.name):
            if file.beside(name) is not None:
                reading.belongs_to = name
                return
        _xmp(file.data, told)
    else:
        picture = taken_apart(file.data)
        for name in (f"{file.name}{SIDECAR}", f"{file.name[: -len(suffix_of(file.name))]}{SIDECAR}"):
            beside = file.beside(name)
            if beside is not None:
                _quietly(_xmp, beside[:MAX_TEXT_BYTES], told)
        # What stands first counts most: what a person wrote, then what a program did, then the camera.
        _quietly(_xmp, picture.xmp.rstrip(b"\0 "), told)
        _quietly(_iptc, picture.iptc, told)
        for key, text in picture.texts:
            _note(told, _PNG_TEXTS.get(key.lower(), ""), text)
        found: dict[str, Any] = {}
        _quietly(_exif, picture.exif, found)
        _take_exif(found, told, numbers)
        width, height = picture.width or found.get("exif_width", found.get("width")), picture.height or found.get("exif_height", found.get("height"))
        if isinstance(width, int) and isinstance(height, int) and width > 0 < height:
            if width * height > MAX_PIXELS:
                raise BadInput(f"it claims {width} times {height} pixels, which no image has", limit=MAX_PIXELS)
            numbers |= {"width": width, "height": height}
    yield
    _add(file, reading, told, numbers)


def _add(file: File, reading: Reading, told: dict[str, list[str]], numbers: dict[str, Any]) -> None:
    layout = Layout()
    captions = [each for key in ("headline", "caption") for each in told.get(key, ()) if each.lower() not in _EMPTY_CAPTIONS]
    for caption in dict.fromkeys(captions):
        layout.add(caption)
    for key in ("person", "spot", "city", "region", "country"):
        layout.add(", ".join(told.get(key, ())), gap="\n")
    keywords = list(dict.fromkeys(part for each in told.get("keyword", ()) for part in re.split(r"[;|]", each) if part.strip()))
    layout.add(", ".join(keywords))
    camera = short(" ".join(dict.fromkeys(f"{_first(told, 'make')} {_first(told, 'model')}".split())))
    date = _DATE.match(_first(told, "taken") or _first(told, "changed"))
    day = "-".join(part for part in date.groups()[:3] if part) if date and date[1] != "0000" else ""
    reading.documents += layout.documents(
        file.name,
        title=_first(told, "title") or title_of(file.name),
        kind="image",
        date=day,
        tags=tuple(dict.fromkeys(short(each)[:100] for each in keywords[:200])),
        meta={
            "camera": camera,
            "lens": short(_first(told, "lens")),
            "artist": short(_first(told, "artist")),
            "rights": short(_first(told, "rights")),
            "taken": f"{day}T{date[4]}" if day and date and date[4] else "",
            **numbers,
        },
    )


def _quietly(work: Any, data: bytes, into: dict[str, Any]) -> None:
    """Take in one of the descriptions; a broken one says nothing, and the others are still there."""
    if not data:
        return
    try:
        work(data, into)
    except (BadInput, struct.error, IndexError, UnicodeError, ValueError):
        return


def _images_of(name: str) -> list[str]:
    """The images that a file of XMP may belong to: `photo.jpg` of `photo.jpg.xmp`, and every `photo.*` of `photo.xmp`."""
    stem = name[: -len(SIDECAR)]
    suffixes = [suffix for suffix, format in BY_SUFFIX.items() if format.module == "images" and suffix != SIDECAR]
    return [stem] if suffix_of(stem) in suffixes else [f"{stem}{written}" for suffix in suffixes for written in (suffix, suffix.upper())]


def _note(told: dict[str, list[str]], key: str, text: str) -> None:
    text = text.replace("\x00", "").strip()
    values = told.setdefault(key, [])
    if key and text and text not in values and len(values) < MAX_VALUES:
        values.append(text)


def _first(told: dict[str, list[str]], key: str) -> str:
    return next(iter(told.get(key, ())), "")


def _xmp(data: bytes, told: dict[str, list[str]]) -> None:
    """The properties of a packet, written as elements, as items of lists, or as attributes."""
    if len(data) > MAX_TEXT_BYTES:
        raise BadInput(f"its XMP has more than {MAX_TEXT_BYTES} bytes, which is the limit")
    path: list[str] = []
    for sort, value, attributes in events(data):
        if sort == "start":
            name = local(value)
            path.append(name)
            if name == "Description":
                for key, text in attributes.items():
                    _note(told, _XMP.get(local(key), ""), text)
        elif sort == "end":
            path.pop()
        elif value.strip():
            key = next((each for each in reversed(path) if each not in ("li", "Alt", "Bag", "Seq", "Description")), "")
            _note(told, _XMP.get(key, ""), value)


def _iptc(data: bytes, told: dict[str, list[str]]) -> None:
    """The datasets of record 2; their text is UTF-8 where they say so, and mostly where they do not."""
    at = 0
    while data[at : at + 1] == b"\x1c" and at + 5 <= len(data):
        record, number, length = struct.unpack_from(">BBH", data, at + 1)
        if length & 0x8000:
            raise BadInput("a dataset of IPTC is longer than any text")
        if record == 2 and number in _IPTC:
            body = data[at + 5 : at + 5 + length]
            try:
                text = body.decode("utf-8")
            except UnicodeDecodeError:
                text = body.decode("latin-1")
            _note(told, _IPTC[number], text)
        at += 5 + length


def _exif(data: bytes, found: dict[str, Any]) -> None:
    """The entries of the first folder, of the one of EXIF and of the one of GPS."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise BadInput("its EXIF is damaged")
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    todo = [(first, _EXIF)]
    seen: set[int] = set()
    while todo:
        at, names = todo.pop()
        if at in seen or len(seen) > 4:
            continue
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        for entry in range(min(count, MAX_ENTRIES)):
            tag, kind, number = struct.unpack_from(f"{order}HHI", data, at + 2 + entry * 12)
            size = _SIZES.get(kind, 0) * number
            place = at + 10 + entry * 12
            if size > 4:
                (place,) = struct.unpack_from(f"{order}I", data, place)
            if not 0 < size <= 65_536 or place + size > len(data):
                continue
            if tag in _SUBFOLDERS and names is _EXIF:
                todo.append((struct.unpack_from(f"{order}I", data, place)[0], _GPS if tag == 0x8825 else _EXIF))
            elif tag in names:
                found.setdefault(names[tag], _value(order, kind, number, data[place : place + size]))


def _value(order: str, kind: int, number: int, body: bytes) -> Any:
    """A value of EXIF: text, bytes, a number, or a list of them."""
    if kind == 2:
        return body.rstrip(b"\0 ")
    if kind in (1, 7):
        return body
    if kind in (5, 10):
        pairs = struct.unpack(f"{order}{number * 2}{'I' if kind == 5 else 'i'}", body)
        return [over / under if under else 0.0 for over, under in zip(pairs[::2], pairs[1::2], strict=True)]
    values = struct.unpack(f"{order}{number}{'H' if kind == 3 else 'I' if kind == 4 else 'i'}", body)
    return values[0] if number == 1 else list(values)


def _take_exif(found: dict[str, Any], told: dict[str, list[str]], numbers: dict[str, Any]) -> None:
    for key in ("caption", "make", "model", "changed", "artist", "rights", "taken", "lens"):
        value = found.get(key)
        if isinstance(value, bytes):
            try:
                text = value.decode("utf-8")
            except UnicodeDecodeError:
                text = value.decode("latin-1")
            _note(told, key, text)
    # Windows writes UTF-16, and comments say their encoding in eight bytes.
    for key, name in (("xp_title", "title"), ("xp_comment", "caption"), ("xp_subject", "caption"), ("xp_keywords", "keyword")):
        if isinstance(found.get(key), bytes):
            _note(told, name, found[key].decode("utf-16-le", "replace"))
    comment = found.get("comment")
    if isinstance(comment, bytes) and len(comment) > 8:
        _note(told, "caption", comment[8:].decode("utf-16" if comment.startswith(b"UNICODE") else "utf-8", "replace"))
    for key, sign, negative in (("latitude", "north", b"S"), ("longitude", "east", b"W")):
        parts = found.get(key)
        if isinstance(parts, list) and len(parts) == 3:
            degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
            if 0 <= degrees <= (90 if key == "latitude" else 180):
                numbers[key] = round(-degrees if found.get(sign) == negative else degrees, 6)
    # Half a place is none, and the zeros of a camera without reception are no island.
    if not ("latitude" in numbers and "longitude" in numbers) or numbers["latitude"] == numbers["longitude"] == 0:
        numbers.pop("latitude", None)
        numbers.pop("longitude", None)
    height = found.get("altitude")
    if isinstance(height, list) and height and "latitude" in numbers:
        numbers["altitude_m"] = round(-height[0] if found.get("below") == b"\1" else height[0], 1)
