"""Source code: one document for each file or part, its definitions as headings.

Owns what counts as a definition, by a line's look and not by a grammar. Must not know what code means. Invariant: every
line of the file is kept in order, with its number.
"""

import re

from findling.documents import Document, Place
from findling.passages import parts
from findling.readers import Reading, places_of, suffix_of
from findling.readers.layout import id_of

MAX_LINE_CHARS = 2_000
"""A longer line is data or was made by a program: nobody reads on."""
MAX_LONG_SHARE = 0.5
"""A file most of whose characters stand in such lines is not read at all."""

_WORD = r"([A-Za-z_$][\w$]*)"
# One pattern for the braces family, one for each of those that look different.
_BRACES = re.compile(
    rf"[ \t]*(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]+\))?|unsafe|const|override|open|sealed|data|inline|extern|virtual|partial)[ \t]+){{0,6}}"
    rf"(?:class|interface|struct|enum|trait|impl|namespace|module|mod|object|record|protocol|extension|function\*?|fn|func|fun|def|type|macro_rules!)(?:[ \t]+|(?=<))(?:<[^<>]{{0,80}}>[ \t]*)?(?:\([^()]{{0,80}}\)[ \t]*)?{_WORD}"
)
_PYTHON = re.compile(rf"[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{_WORD}")
_SHELL = re.compile(r"[ \t]*(?:function[ \t]+)?([A-Za-z_][\w-]*)[ \t]*\(\)[ \t]*\{?")
_SECTION = re.compile(r"[ \t]*\[+([^\[\]]{1,80})\]+[ \t]*$")
_TEX = re.compile(r"[ \t]*\\(?:part|chapter|(?:sub)*section|paragraph)\*?\{([^{}]{1,120})\}")
_SQL = re.compile(rf"(?i:[ \t]*create[ \t]+(?:or[ \t]+replace[ \t]+)?(?:temp(?:orary)?[ \t]+)?(?:table|view|function|procedure|trigger|index)[ \t]+(?:if[ \t]+not[ \t]+exists[ \t]+)?){_WORD}")
_ASSIGNED = re.compile(rf"[ \t]*(?:export[ \t]+)?(?:const|let|var)[ \t]+{_WORD}[ \t]*=[ \t]*(?:async[ \t]*)?(?:function\b|\([^()]{{0,200}}\)[ \t]*=>|{_WORD}[ \t]*=>)")

_PATTERNS = {
    ".py": (_PYTHON,), ".pyi": (_PYTHON,), ".sh": (_SHELL,), ".bash": (_SHELL,), ".zsh": (_SHELL,), ".toml": (_SECTION,), ".ini": (_SECTION,),
    ".cfg": (_SECTION,), ".conf": (_SECTION,), ".css": (), ".scss": (), ".less": (), ".tex": (_TEX,), ".sql": (_SQL,), ".yaml": (), ".yml": (),
    ".js": (_BRACES, _ASSIGNED), ".mjs": (_BRACES, _ASSIGNED), ".ts": (_BRACES, _ASSIGNED), ".tsx": (_BRACES, _ASSIGNED), ".jsx": (_BRACES, _ASSIGNED),
}  # fmt: skip
_FLAT = frozenset({".toml", ".ini", ".cfg", ".conf", ".tex"})
"""Where what belongs to a heading is not indented, and ends with the next one."""
_LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript", ".ts": "typescript",
    ".mts": "typescript", ".tsx": "typescript", ".rs": "rust", ".go": "go", ".java": "java", ".kt": "kotlin", ".c": "c", ".h": "c", ".cc": "c++",
    ".cpp": "c++", ".cxx": "c++", ".hpp": "c++", ".cs": "c#", ".rb": "ruby", ".php": "php", ".sh": "shell", ".bash": "shell", ".zsh": "shell",
    ".yml": "yaml", ".pl": "perl", ".pm": "perl",
}  # fmt: skip


def read(name: str, text: str) -> Reading:
    """The file's text with the path of the definitions around each passage."""
    lines = text.split("\n")
    long = sum(len(line) for line in lines if len(line) > MAX_LINE_CHARS)
    reading = Reading()
    if long > len(text) * MAX_LONG_SHARE:
        reading.faults.append(("the file", f"most of it stands in lines of more than {MAX_LINE_CHARS} characters, so a program made it"))
        return reading
    suffix = suffix_of(name)
    headings = _headings(lines, _PATTERNS.get(suffix, (_BRACES,)), suffix in _FLAT)
    pieces = parts(text)
    placed = places_of(text, pieces, list(range(1, len(lines) + 1)))
    title = name.replace("\\", "/").rpartition("/")[2]
    for number, (piece, places) in enumerate(zip(pieces, placed, strict=True), 1):
        first = places[0].line or 1
        told = {} if len(pieces) == 1 else {"part": number, "parts": len(pieces)}
        reading.documents.append(
            Document(
                id=id_of(name, number if told else None),
                title=title,
                text=piece,
                kind="source",
                meta={"file": name, "code": _LANGUAGES.get(suffix, suffix[1:]), **told},
                places=_places(piece, first, headings),
            )
        )
    return reading


def _headings(lines: list[str], patterns: tuple[re.Pattern[str], ...], flat: bool) -> dict[int, tuple[str, ...]]:
    """For the lines that begin a definition (from 1), and those that end one, the path of definitions that holds from there."""
    found: dict[int, tuple[str, ...]] = {}
    path: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        code = line[:MAX_LINE_CHARS].lstrip()
        if not code or code[0] in "})]" or code.startswith(("#!", "//", "*")):
            continue
        match = next((match for pattern in patterns if (match := pattern.match(line[:MAX_LINE_CHARS]))), None)
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        inner = [each for each in path if each[0] < indent]
        if flat and not match:
            continue
        if match:
            inner.append((indent, next(group for group in match.groups() if group)))
        elif indent and len(inner) == len(path):
            continue
        if inner != path:
            path = inner
            found[number] = tuple(name for _, name in path)
    return found


def _places(piece: str, first: int, headings: dict[int, tuple[str, ...]]) -> tuple[Place, ...]:
    """The places of a part that begins in line `first`: one for each change of the path."""
    before = max((number for number in headings if number <= first), default=0)
    places = [Place(0, headings.get(before, ()), line=first)]
    start = 0
    for number, line in enumerate(piece.split("\n"), first):
        if number > first and number in headings:
            places.append(Place(start, headings[number], line=number))
        start += len(line) + 1
    return tuple(places)
