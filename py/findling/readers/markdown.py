"""Markdown (.md): a document for each section, markup reduced to the text a reader sees.

Owns the rules of headings, front matter and markup. Must not know how passages are cut. Invariant: every pass over the
text is linear in its length, whatever is in it; words of the text are kept, only marks and addresses go.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any

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
_KEY = re.compile(r"([A-Za-z][\w-]*):(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.+)")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?(?=$|[T ])")
MAX_TAGS = 100
MAX_URL_CHARS = 4_000


@dataclass(slots=True)
class _Section:
    level: int
    heading: str
    path: tuple[str, ...] = ()
    line: int = 1
    lines: list[tuple[int, str]] = field(default_factory=list)


def read(name: str, text: str) -> Reading:
    """The sections of a Markdown text; a section's title is the document's title and its own heading."""
    front, body = _front_matter(text)
    title, told = front.get("title", ""), _told(front)
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
            meta: dict[str, object] = {"file": name, "section": section.heading, **told["meta"]}
            suffix = "" if len(pieces) == 1 else f".{number}"
            reading.documents.append(
                Document(
                    id=f"{name}#{position}{suffix}",
                    title=full[:MAX_TITLE_CHARS],
                    text=piece,
                    kind="markdown",
                    meta=meta,
                    places=places[number - 1],
                    **told["fields"],
                )
            )
    return reading


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The lines of a YAML front matter as `key: value`, if there is one, and the text after it; a list is a value with commas."""
    if not text.startswith("---\n"):
        return {}, text
    end = text.find("\n---\n", 3)
    if end < 0:
        return {}, text
    front: dict[str, str] = {}
    key = ""
    for line in text[4:end].split("\n"):
        match = _KEY.match(line)
        item = _ITEM.match(line)
        if match:
            key = match[1].lower()
            front.setdefault(key, _unquoted(match[2] or ""))
        elif item and key:
            front[key] = f"{front[key]}, {_unquoted(item[1])}".lstrip(", ")
    return front, text[end + 5 :]


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        value = ", ".join(each.strip().strip("\"'") for each in value[1:-1].split(","))
    return value.strip("\"'")


def _told(front: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the front matter says of the document: its fields, and what goes to `meta`."""
    date = _DATE.match(front.get("date") or front.get("published") or front.get("created", ""))
    language = re.match(r"[a-z]{2,3}(?=$|[-_])", front.get("language") or front.get("lang", ""))
    tags = ",".join(front.get(key, "") for key in ("tags", "keywords", "categories"))
    url = front.get("canonical") or front.get("url", "")
    fields = {
        "tags": tuple(dict.fromkeys(tag[:100] for each in tags.split(",")[:MAX_TAGS] if (tag := each.strip(" #")))),
        "date": date[0] if date else "",
        "language": language[0] if language else "",
        "url": url[:MAX_URL_CHARS] if url.startswith(("http://", "https://")) else "",
    }
    return {"fields": fields, "meta": {key: front[key][:MAX_TITLE_CHARS] for key in ("author", "description") if front.get(key)}}


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
