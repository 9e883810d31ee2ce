"""What every reader takes and gives: a file, what may be spent on it, and what was found in it.

Owns the limits that all formats share and the watch over time. Must not know any format. Invariant: whatever a reader or
a library does, it ends soon after `MAX_SECONDS`, as long as it calls functions of Python; bytes that were unpacked are
counted before they are kept.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from findling.documents import Document
from findling.errors import BadInput, FindlingError

MAX_SECONDS = 300.0
"""A book of a thousand pages takes a browser half of that. It is time spent reading, not waiting for others."""
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
"""What may come out of one file, however often it is packed into itself."""
MAX_RATIO = 200
"""More than a byte becomes in honest text and images; deflate itself can make a thousand of it."""
RATIO_FREE_BYTES = 1024 * 1024
"""So small that its ratio does not matter."""
MAX_INNER_FILES = 20_000
MAX_DEPTH = 4
"""How many files may lie in one another: a PDF in a mail in an archive in an archive is read."""
MAX_NAMED_FAULTS = 3

# A trace function is told of every call; to look at the clock costs more than the call.
_CALLS_BETWEEN_LOOKS = 256


class Needs(Exception):
    """A reader's part is not there yet: the package of this name has to be made importable, then the file is read again."""

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


class TooLong(BaseException):
    """Time is up. No `Exception`, because libraries swallow those."""


class Spent(BadInput):
    """What a file and all files in it may cost together is used up."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or one inside a file, that gave no documents: its name, the code of the error, and the message."""

    name: str
    code: str
    message: str


@dataclass(slots=True)
class Reading:
    """What a file held: its documents, for each part that could not be used the place and the reason, and the files in it
    that were skipped. `belongs_to` names the file whose reader has used this one, which has nothing to tell by itself."""

    documents: list[Document] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    belongs_to: str = ""

    def reason(self) -> str:
        """The faults in one sentence, the first few in full."""
        named = "; ".join(f"{place}: {reason}" for place, reason in self.faults[:MAX_NAMED_FAULTS])
        more = len(self.faults) - MAX_NAMED_FAULTS
        return f"{named}; and {more} more" if more > 0 else named


class Budget:
    """What may be spent on a file and all files in it: bytes and inner files together, time for each file by itself."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._meters = [0.0]
        self._looked = clock()
        self._unpacked = 0
        self._files = 0
        self._calls = 0

    def unpack(self, count: int) -> None:
        """Count bytes that were unpacked; raises `Spent` when they are too many."""
        self._unpacked += count
        if self._unpacked > MAX_UNPACKED_BYTES:
            raise Spent(f"more than {MAX_UNPACKED_BYTES} bytes came out of it, which is the limit", limit=MAX_UNPACKED_BYTES)

    def enter(self) -> None:
        """Count an inner file; raises `Spent` when there are too many."""
        self._files += 1
        if self._files > MAX_INNER_FILES:
            raise Spent(f"it holds more than {MAX_INNER_FILES} files, which is the limit", limit=MAX_INNER_FILES)

    def check(self) -> None:
        """Raise `TooLong` when the time of the file at hand is up. For every loop whose length a file decides."""
        self._settle()
        if self._meters[-1] > MAX_SECONDS:
            raise TooLong

    @contextmanager
    def metered(self) -> Iterator[None]:
        """What happens inside is on the account of a file of its own."""
        self._settle()
        self._meters.append(0.0)
        try:
            yield
        finally:
            self._settle()
            self._meters.pop()

    @contextmanager
    def running(self, traced: bool) -> Iterator[None]:
        """Time passes for the file only in here. Traced, libraries that never call `check` are watched from outside."""
        self._looked = self._clock()
        # A debugger's own trace is left alone.
        watched = traced and sys.gettrace() is None
        if watched:
            sys.settrace(self._trace)
        try:
            yield
        finally:
            if watched:
                sys.settrace(None)
            self._settle()

    def _trace(self, frame: FrameType, event: str, argument: Any) -> None:
        self._calls += 1
        if self._calls % _CALLS_BETWEEN_LOOKS == 0:
            self.check()

    def _settle(self) -> None:
        now = self._clock()
        self._meters[-1] += now - self._looked
        self._looked = now


def nothing(name: str) -> bytes | None:
    """What is beside a file that stands alone."""
    return None


@dataclass(slots=True)
class File:
    """A file to be read; `data` may be a map of the file in memory. `beside` gives the bytes of another file of the same folder, None where there is none."""

    name: str
    data: bytes
    budget: Budget = field(default_factory=Budget)
    depth: int = 0
    beside: Callable[[str], bytes | None] = nothing

    def stream(self) -> Any:
        """The bytes as a file that is open for reading."""
        return self.data if hasattr(self.data, "seek") else io.BytesIO(self.data)


def reason_of(error: BaseException) -> str:
    """Why a part of a file was left out, in words."""
    if isinstance(error, FindlingError):
        return error.message
    return f"{type(error).__name__}: {str(error)[:200]}" if str(error) else type(error).__name__
