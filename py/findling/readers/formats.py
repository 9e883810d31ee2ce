"""The table of formats: which reader reads which file.

Owns suffixes, media types, limits and the packages that readers stand on. Must not import a reader. Invariant: a suffix
and a media type belong to one format.
"""

from dataclasses import dataclass

MAX_TEXT_BYTES = 32 * 1024 * 1024
"""A parsed text takes about ten times its size in memory, and a browser's tab has about a gigabyte."""
MAX_BYTES = 128 * 1024 * 1024
"""Files whose parts are read one after the other."""

MAX_STREAM_BYTES = 1 << 40
"""Files of which a few places are read; from `MAX_BYTES` on they are not loaded."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file is read.

    `module` is the reader in `findling.readers`. A reader of texts is `read(name, text) -> Reading`; any other is
    `read(file, reading) -> Iterator[None]`, which adds to the reading and yields wherever others may get their turn.
    `package` is what has to be importable beside the standard library.
    """

    kind: str
    module: str
    suffixes: tuple[str, ...]
    mimes: tuple[str, ...] = ()
    is_text: bool = False
    package: str = ""
    max_bytes: int = MAX_TEXT_BYTES


SOURCE_SUFFIXES = (
    ".py .pyi .js .mjs .cjs .jsx .ts .mts .tsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hh .hpp .cs .go .rs .swift .m .mm "
    ".rb .php .pl .pm .lua .r .jl .dart .ex .exs .erl .hs .ml .mli .clj .lisp .el .scm .sh .bash .zsh .fish .ps1 .bat .sql .css .scss "
    ".less .vue .svelte .tex .bib .rst .adoc .org .toml .yaml .yml .ini .cfg .conf .properties .tf .proto .graphql .cmake .gradle .zig .nim .d .v .vhd .f90 .pas .asm .s"
)

MEDIA_SUFFIXES = ".mp3 .m4a .m4b .aac .ogg .oga .opus .flac .wav .aif .aiff .wma .ape .mpc .wv .mp4 .m4v .mov .ogv .asf .wmv"

TABLE = (
    Format("text", "text", (".txt", ".text", ".log"), ("text/plain",), is_text=True),
    Format("Markdown", "markdown", (".md", ".markdown"), ("text/markdown",), is_text=True),
    Format("HTML", "web_page", (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml")),
    Format("JSON", "json_objects", (".json",), ("application/json",), is_text=True),
    Format("JSON Lines", "json_lines", (".jsonl", ".ndjson"), ("application/x-ndjson", "application/jsonl"), is_text=True),
    Format("tables", "csv_rows", (".csv", ".tsv", ".tab"), ("text/csv", "text/tab-separated-values"), is_text=True),
    Format("subtitles", "subtitles", (".vtt", ".srt"), ("text/vtt", "application/x-subrip"), is_text=True),
    Format("source code", "source", tuple(SOURCE_SUFFIXES.split()), ("text/x-python", "text/javascript", "text/css"), is_text=True),
    Format("PDF", "pdf", (".pdf",), ("application/pdf",), package="pypdf", max_bytes=MAX_BYTES),
    Format("DOCX", "office", (".docx", ".docm", ".dotx"), ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",), max_bytes=MAX_BYTES),
    Format("ODT", "office", (".odt", ".ott"), ("application/vnd.oasis.opendocument.text",), max_bytes=MAX_BYTES),
    Format("EPUB", "book", (".epub",), ("application/epub+zip",), max_bytes=MAX_BYTES),
    Format("mail", "mail", (".eml", ".mbox"), ("message/rfc822", "application/mbox"), max_bytes=MAX_BYTES),
    Format("sound and film", "media", tuple(MEDIA_SUFFIXES.split()), ("audio/mpeg", "audio/mp4", "audio/ogg", "audio/flac", "video/mp4"), package="mutagen", max_bytes=MAX_STREAM_BYTES),
    Format(
        "images", "images", (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".dng", ".xmp"),
        ("image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/heic", "image/avif"), max_bytes=MAX_BYTES,
    ),
    Format("ZIP", "archive", (".zip",), ("application/zip", "application/x-zip-compressed"), max_bytes=MAX_BYTES),
)

BY_SUFFIX = {suffix: format for format in TABLE for suffix in format.suffixes}
SUFFIX_OF_MIME = {mime: format.suffixes[0] for format in TABLE for mime in format.mimes}
