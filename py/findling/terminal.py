"""What the command line prints: hits, headers, notes, progress.

Owns where each goes and how it looks. Must not know how anything is computed. Invariant: results go to stdout and nothing
else does; progress, warnings and errors go to stderr; no sign of a document or of a file's name steers the terminal.
"""

import json
import os
import re
import sys
import unicodedata
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from findling import segments

LINES = 10
"""How many lines tell how far a build is where no bar can be drawn."""
LINES_FROM = 100
"""So many documents a build needs for these lines."""
NAME_WIDTH = 40


def note(text: str) -> None:
    """One line for people, beside the results."""
    print(clean(text), file=sys.stderr)


def as_json(answer: Any) -> None:
    """A result for programs, as one line."""
    print(json.dumps(answer, ensure_ascii=False))


def clean(text: str) -> str:
    """Text on one line: signs that steer a terminal are not for a document, or the name of a file, to send."""
    seen = "".join(" " if sign.isspace() else "\ufffd" if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text)
    return re.sub(" +", " ", seen).strip()


def is_plain(stream: IO[str]) -> bool:
    """Whether a stream takes text only: it is no terminal, or a person or the terminal says so (https://no-color.org)."""
    return not stream.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def built(out: str, answer: dict[str, Any], *, json: bool, quiet: bool) -> None:
    """What a build made, and what it left out."""
    if not quiet:
        for each in answer["skipped"]:
            note(f"skipped {each['name']}: {each['reason']} [{each['code']}]")
        if any(answer["left_out"].values()):
            note(f"left out: {', '.join(f'{count} {what}' for what, count in answer['left_out'].items() if count)}")
        if answer["fresh"]:
            note(f"built from nothing: {answer['fresh']}")
        if answer["live"] > segments.LIVE_SHARE:
            note(f"{answer['live']:.0%} of the documents came since the last build from nothing, and whoever reads them over a network reads all of these first; build --fresh mends that")
    if json:
        as_json({"index": out, **answer})
    else:
        kept = f", {answer['unchanged']} unchanged, {answer['removed']} removed" if answer["unchanged"] or answer["removed"] else ""
        print(f"{out}: {answer['documents']} documents, {answer['passages']} passages, {len(answer['skipped'])} files skipped{kept}")


def found(answer: dict[str, Any]) -> None:
    """The hits of a search, best first."""
    if answer["corrections"]:
        changed = ", ".join(f"{each['to']} instead of {each['from']}" for each in answer["corrections"])
        note(f"searched for {changed}; --verbatim searches for what was typed")
    if answer.get("close") is False:
        note("nothing close was found; what comes nearest:" if answer["hits"] else "nothing close was found")
    for hit in answer["hits"]:
        _hit(hit)


def _hit(hit: dict[str, Any]) -> None:
    document = hit["document"]
    glyph = document["meta"].get("emoji", "")
    title = _line(hit["title_pieces"]) or clean(hit["id"])
    place = _place(hit["passage"]["place"])
    print(f"{hit['score']:.3f}  {glyph}{' ' if glyph else ''}{title}{f'  ({place})' if place else ''}")
    snippet = _line(hit["snippet"])
    if snippet:
        print(f"       {snippet}")
    for leg, told in hit.get("explain", {}).items():
        terms = "".join(f"  {clean(term['word'])} {term['contribution']:.3f}" for term in told.get("terms", ()))
        print(f"       {leg} {hit['legs'].get(leg, 0.0):.3f} gives {told['contribution']:.3f}{':' if terms else ''}{terms}")


def _place(place: dict[str, Any]) -> str:
    """Where a passage stands, as people say it."""
    told = []
    if "page" in place:
        told.append(f"page {place['page']}")
    if "time" in place:
        minutes, seconds = divmod(int(place["time"]), 60)
        told.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}")
    if place.get("line", 1) > 1:
        told.append(f"line {place['line']}")
    if place.get("headings"):
        told.append(clean(" > ".join(place["headings"])))
    return " · ".join(told)


def _line(pieces: list[dict[str, Any]]) -> str:
    """Pieces as one line, what was searched for in bold where that can be shown."""
    plain = is_plain(sys.stdout)
    # Each piece keeps the spaces at its ends: they part it from the next.
    shown = [(clean(f"|{piece['text']}|")[1:-1], piece["hit"] and not plain) for piece in pieces]
    return re.sub(" +", " ", "".join(f"\x1b[1m{text}\x1b[22m" if is_bold else text for text, is_bold in shown)).strip()


def header(headers: dict[str, dict[str, Any]]) -> None:
    """What the headers of the files of a collection, or of one file, tell."""
    first = next(iter(headers.values()))
    print(f"kind     {first['kind']}")
    told = first["meta"].get("user") or {}
    for key, value in sorted({**told, **first["meta"]}.items()):
        if isinstance(value, str | int | float):
            print(f"{clean(key):<8} {clean(str(value))}")
    segment_of = {segment["file"]: segment for segment in segments.listed(first)}
    for name, each in headers.items():
        if len(headers) > 1:
            print(f"file     {name}  {each['size_bytes']} bytes{_kept(segment_of.get(name, {}))}")
        for section in each["sections"]:
            print(f"section  {section['name']}  {section['length']} bytes")
    if segment_of:
        way_out = "; build --fresh makes them fewer" if any(segment.get("live") for segment in segment_of.values()) else ""
        print(f"first    {segments.read_first(first)} bytes are read at another place before the first hit{way_out}")


def _kept(segment: dict[str, Any]) -> str:
    """What a pointer tells of a segment, where it tells it."""
    counts = f"  {segment['living']} of {segment['documents']} documents" if "living" in segment else ""
    return counts + ("  live" if segment.get("live") else "")


def check(one: dict[str, Any]) -> None:
    """One line for what was looked at, and one for the way out of a fault."""
    print(f"{'ok   ' if one['ok'] else 'FAULT'}  {one['name']}: {clean(one['found'])}")
    if not one["ok"]:
        print(f"       do: {one['remedy']}")


class Progress:
    """How far a build is, on stderr: a bar in a terminal, a line now and then elsewhere, nothing when `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._told = 0
        self._bar: Bar | None = None
        self._task = TaskID(0)
        if not quiet and not is_plain(sys.stderr):
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(file=sys.stderr), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def read(self, name: str) -> None:
        """A file is being read."""
        if self._bar is not None:
            self._bar.update(self._task, description=f"reading {clean(name)[-NAME_WIDTH:]}", total=None)

    def show(self, done: int, total: int, name: str | None) -> None:
        """So many of all documents are in; `name` is of the last one."""
        if self._bar is not None:
            self._bar.update(self._task, description=clean(name or "")[-NAME_WIDTH:], completed=done, total=total)
        elif not self._quiet and total >= LINES_FROM and done * LINES // total > self._told:
            self._told = done * LINES // total
            note(f"{done} of {total} documents")
