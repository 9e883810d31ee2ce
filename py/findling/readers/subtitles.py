"""Subtitles (.vtt, .srt): what is said, with the time it is said at.

Owns WebVTT (https://www.w3.org/TR/webvtt1/) and SubRip as far as text and times go. Must not know films. Invariant: every
cue's words are kept once, in the order of the file; a cue without a readable time is a fault by its line.
"""

import html
import re

from findling.readers import Reading, title_of
from findling.readers.layout import Layout

MAX_CUES = 200_000
GAP_S = 3.0
"""A pause of so many seconds begins a paragraph."""

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}[ \t]*-->[ \t]*{_TIME}")
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^<>]{1,80})>")
_TAG = re.compile(r"</?[a-zA-Z\d][^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_NOT_CUES = ("WEBVTT", "NOTE", "STYLE", "REGION")


def read(name: str, text: str) -> Reading:
    """The cues as one text in which each has its time; the same line said twice in a row (rolling captions) is kept once."""
    reading = Reading()
    layout = Layout()
    end = 0.0
    shown = ""
    cues = 0
    number = 1
    for block in text.split("\n\n"):
        lines = block.split("\n")
        at = next((index for index, line in enumerate(lines) if "-->" in line), None)
        if at is not None and not lines[0].startswith(("NOTE", "STYLE")):
            timing = _TIMING.match(lines[at])
            if timing is None:
                reading.faults.append((f"line {number + at}", "the time of the cue cannot be read"))
            else:
                start = _seconds(timing.groups()[:4])
                gap = "\n\n" if start - end > GAP_S else "\n"
                for line in lines[at + 1 :]:
                    said = _said(line)
                    if said and said != shown:
                        layout.add(said, time=start, gap=gap)
                        shown, gap = said, "\n"
                end = _seconds(timing.groups()[4:])
                cues += 1
        elif block.strip() and not lines[0].lstrip("\n\ufeff").startswith(_NOT_CUES):
            first = next(line for line in lines if line.strip())
            if not first.strip().startswith(_NOT_CUES):
                reading.faults.append((f"line {number}", "a block without a time"))
        number += len(lines) + 1
        if cues > MAX_CUES:
            reading.faults.append((f"line {number}", f"the limit of {MAX_CUES} cues is reached; split the file"))
            break
    if layout:
        reading.documents = layout.documents(name, title=_title(text) or title_of(name), kind="subtitles", meta={"seconds": round(end, 3)})
    return reading


def _title(text: str) -> str:
    """What a WebVTT file says behind its signature."""
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    return first.removeprefix("WEBVTT").strip(" \t-") if first.startswith("WEBVTT ") else ""


def _said(line: str) -> str:
    """A line of a cue without its marks, its speaker in front."""
    line = _SPEAKER.sub(r"\1: ", line)
    return html.unescape(_TAG.sub("", line)).strip()


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
