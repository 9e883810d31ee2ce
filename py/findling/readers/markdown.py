"""Markdown (.md): a document for each section, markup reduced to the text a reader sees.

Owns the rules of headings, front matter and markup. Must not know how passages are cut. Invariant: every pass over the
text is linear in its length, whatever is in it; words of the text are kept, only marks and addresses go.
"""

import html
import re
from dataclasses import dataclass, field

from findling.documents import MAX_TITLE_CHARS, Document
from findling.passages import parts
from findling.readers import Reading, places_of, title_of

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_RULE = re.compile(r"[ ]{0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_DEFINITION = re.compile(r"[ ]{0,3}\[[^\[\]]+\]:[ \t]*\S+")
_LEADS = re.compile(r"(?:[ \t]*(?:>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|\d{1,9}[.)][ \t]+))+")
_TABLE_RULE = re.compile(r"[ \t|:-]+$")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)?\)|\[[^\[\]]*\])?")
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_MARK = re.compile(r"\*+|~~|`+|(?<![^\W_])_+|_+(?![^\W_])")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_TITLE = re.compile(r"title:[ \t]*(.+)")


@dataclass(slots=True)
class _Section:
    level: int
    heading: str
    path: tuple[str, ...] = ()
    line: int = 1
    lines: list[tuple[int, str]] = field(default_factory=list)


def read(name: str, text: str) -> Reading:
    """The sections of a Markdown text; a section's title is the document's title and its own heading."""
    title, body = _front_matter(text)
    sections = _sections(body, 1 + text[: len(text) - len(body)].count("\n"))
    top = [section for section in sections if section.level == 1]
    if not title and len(top) == 1:
        title = top[0].heading
    reading = Reading()
    for position, section in enumerate(sections):
        content, numbers = _plain(section.lines)
        deeper = position + 1 < len(sections) and sections[position + 1].level > section.level
        if not content and (deeper or not section.heading):
            continue
        heading = section.heading or title or title_of(name)
        full = heading if heading == title or not title else f"{title}: {heading}"
        pieces = parts(content) or [""]
        places = places_of(content, pieces, numbers or [section.line], section.path)
        for number, piece in enumerate(pieces, 1):
            meta: dict[str, object] = {"file": name, "section": section.heading}
            suffix = "" if len(pieces) == 1 else f".{number}"
            reading.documents.append(
                Document(
                    id=f"{name}#{position}{suffix}",
                    title=full[:MAX_TITLE_CHARS],
                    text=piece,
                    kind="markdown",
                    meta=meta,
                    places=places[number - 1],
                )
            )
    return reading


def _front_matter(text: str) -> tuple[str, str]:
    """The title in a YAML front matter, if there is one, and the text after it."""
    if not text.startswith("---\n"):
        return "", text
    end = text.find("\n---\n", 3)
    if end < 0:
        return "", text
    for line in text[4:end].split("\n"):
        match = _TITLE.match(line)
        if match:
            return match[1].strip().strip("\"'"), text[end + 5 :]
    return "", text[end + 5 :]


def _sections(text: str, first: int) -> list[_Section]:
    """The text cut at its headings (# and underlined ones), but not within fenced code; its lines count from `first`."""
    sections = [_Section(0, "", line=first)]
    fence = ""

    def begin(level: int, heading: str, line: int) -> None:
        above = next((section for section in reversed(sections) if section.level < level), sections[0])
        sections.append(_Section(level, heading, (*above.path, heading), line))

    for number, line in enumerate(_without_comments(text).split("\n"), first):
        marker = _FENCE.match(line)
        if fence:
            if marker and marker[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            else:
                sections[-1].lines.append((number, f"    {line}"))
            continue
        if marker:
            fence = marker[1]
            continue
        heading = _HEADING.match(line)
        lines = [known for _, known in sections[-1].lines[-2:]]
        if heading:
            begin(len(heading[1]), _inline(heading[2].rstrip("# \t")), number)
        elif lines and lines[-1].strip() and re.fullmatch(r"=+|-+", line.strip()) and (len(lines) == 1 or not lines[-2].strip()):
            begin(1 if "=" in line else 2, _inline(sections[-1].lines.pop()[1]), number - 1)
        else:
            sections[-1].lines.append((number, line))
    return sections


def _without_comments(text: str) -> str:
    """The text without `<!-- -->`, its lines counted as before; an opening without an end is left as it is."""
    kept = []
    start = 0
    while (opening := text.find("<!--", start)) >= 0 and (closing := text.find("-->", opening)) >= 0:
        kept.append(text[start:opening])
        kept.append("\n" * text.count("\n", opening, closing))
        start = closing + 3
    return "".join(kept) + text[start:]


def _plain(lines: list[tuple[int, str]]) -> tuple[str, list[int]]:
    """The numbered lines of a section as the text a reader sees, and the number of each of its lines."""
    seen: list[tuple[int, str]] = []
    for number, line in lines:
        if line.startswith("    "):
            shown = line[4:].rstrip()
        elif _RULE.match(line) or _DEFINITION.match(line) or ("|" in line and _TABLE_RULE.match(line)):
            continue
        else:
            leads = _LEADS.match(line)
            line = line[leads.end() :] if leads else line
            if line.count("|") > 1:
                line = " ".join(cell.strip() for cell in line.strip().strip("|").split("|"))
            shown = _inline(line)
        # One blank line is enough between two others, and none before the first.
        if shown or (seen and seen[-1][1]):
            seen.append((number, shown))
    if seen and not seen[-1][1]:
        seen.pop()
    return "\n".join(line for _, line in seen).strip(), [number for number, _ in seen]


def _inline(text: str) -> str:
    """A line without its marks: links and images as their text, emphasis and code without signs, entities as characters."""
    text = _AUTOLINK.sub(r"\1", text)
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))
    text = _TAG.sub("", text)
    text = _MARK.sub("", text)
    return html.unescape(_ESCAPE.sub(r"\1", text)).strip()
