"""Sound and film, by way of mutagen: what their tags tell, and their chapters.

Owns which tags mean title, artist, date and text in each family of formats. The only file that names mutagen. Must not know
sound. Invariant: no sound or picture is decoded; a file without tags is found by its name.
"""

import re
from collections.abc import Iterator
from typing import Any

import mutagen

from findling.errors import BadInput
from findling.readers import File, Reading, title_of
from findling.readers.layout import Layout, short
from findling.readers.web_page import language_of

MAX_VALUES = 50
MAX_CHAPTERS = 10_000
MAX_LYRICS_CHARS = 100_000

FILM = frozenset({".mp4", ".m4v", ".mov", ".ogv", ".asf", ".wmv"})

# The names of a value in ID3 (mp3, wav, aiff), MP4, and the rest (Vorbis comments, APEv2, ASF), in lower case.
_NAMES = {
    "title": ("tit2", "©nam", "title"),
    "subtitle": ("tit3", "subtitle", "wm/subtitle"),
    "artist": ("tpe1", "©art", "artist", "author"),
    "album": ("talb", "©alb", "album", "wm/albumtitle"),
    "albumartist": ("tpe2", "aart", "albumartist", "wm/albumartist"),
    "composer": ("tcom", "©wrt", "composer", "wm/composer"),
    "show": ("tvsh", "wm/seriestitle"),
    "date": ("tdrc", "tyer", "tdor", "©day", "date", "year", "wm/year"),
    "genre": ("tcon", "©gen", "genre", "wm/genre"),
    "language": ("tlan", "language", "wm/language"),
    "track": ("trck", "track", "tracknumber", "wm/tracknumber"),
    "description": ("desc", "ldes", "description", "synopsis", "tds", "wm/subtitledescription"),
    "comment": ("comm", "©cmt", "comment", "wm/comments"),
    "lyrics": ("uslt", "©lyr", "lyrics", "unsyncedlyrics", "wm/lyrics"),
}
_KEY = {name: key for key, names in _NAMES.items() for name in names}
_SHOWN = ("subtitle", "artist", "album", "show", "composer", "genre")
_LONG = ("description", "comment", "lyrics")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


def read(file: File, reading: Reading) -> Iterator[None]:
    """A document of the tags; with chapters each of them has its time."""
    try:
        opened = mutagen.File(file.stream(), filename=file.name)
    except mutagen.MutagenError as error:
        raise BadInput(f"its tags cannot be read: {str(error)[:200]}") from error
    if opened is None:
        raise BadInput("it is not the sound or film that its name says, or it is damaged")
    yield
    told = _told(opened.tags)
    seconds = getattr(opened.info, "length", None)
    layout = Layout()
    for key in _SHOWN:
        layout.add(", ".join(told.get(key, ())), gap="\n")
    for key in _LONG:
        layout.add("\n".join(told.get(key, ()))[:MAX_LYRICS_CHARS])
    for start, title in _chapters(opened):
        layout.add(title, time=start, gap="\n")
    date = _DATE.match(_first(told, "date"))
    reading.documents += layout.documents(
        file.name,
        title=_first(told, "title") or title_of(file.name),
        kind="film" if any(file.name.lower().endswith(suffix) for suffix in FILM) else "sound",
        date=date[0] if date else "",
        language=language_of(_first(told, "language")),
        tags=tuple(dict.fromkeys(tag[:100] for each in told.get("genre", ()) if (tag := short(each)))),
        meta={
            **{key: short(_first(told, key)) for key in ("artist", "album", "show", "composer", "track")},
            "seconds": round(float(seconds), 1) if isinstance(seconds, int | float) and 0 < seconds < 1e8 else None,
        },
    )


def _first(told: dict[str, list[str]], key: str) -> str:
    return next(iter(told.get(key, ())), "")


def _told(tags: Any) -> dict[str, list[str]]:
    """The values of the tags by what they mean, each once."""
    told: dict[str, list[str]] = {}
    for name, value in _items(tags):
        key = _KEY.get(name.split(":")[0].lower())
        # Comments of programs for programs.
        if key is None or name.startswith(("COMM:iTun", "COMM:ID3v1")):
            continue
        for text in _texts(value):
            values = told.setdefault(key, [])
            if text and text not in values and len(values) < MAX_VALUES:
                values.append(text)
    return told


def _items(tags: Any) -> list[tuple[str, Any]]:
    if tags is None:
        return []
    items = tags.items() if hasattr(tags, "items") else tags
    return [(str(name), value) for name, value in items]


def _texts(value: Any) -> list[str]:
    """The strings in a tag, whatever its format wraps them in."""
    inner = getattr(value, "text", None) or getattr(value, "value", None) or value
    values = inner if isinstance(inner, list | tuple) else [inner]
    return [str(each).strip() for each in values[:MAX_VALUES] if not isinstance(each, bytes)]


def _chapters(opened: Any) -> list[tuple[float, str]]:
    """Start in seconds and title of the chapters: of MP4, and of ID3 (http://id3.org/id3v2-chapters-1.0)."""
    found = [(float(chapter.start), str(chapter.title)) for chapter in (getattr(opened, "chapters", None) or [])[:MAX_CHAPTERS]]
    for name, frame in _items(opened.tags):
        if name.startswith("CHAP") and len(found) < MAX_CHAPTERS and getattr(frame, "sub_frames", None):
            title = next((str(text) for each in frame.sub_frames.values() for text in _texts(each)), "")
            found.append((frame.start_time / 1000, title))
    return sorted(found)
