"""The stored side of a collection that is kept: how much of it is stored, and the commits that store the rest.

Owns the changes that are counted, the fault for which they are not stored, and when segments are merged. Must not know documents,
or how files are written. Invariant: `saved` is said only of what the store has taken; what hinders it is told, never raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from findling import segments
from findling.commits import Shelf
from findling.errors import Closed, FindlingError, NotFound, StorageError
from findling.store import Range

Pause = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """The pause of those who are alone."""


async def let_others_run() -> None:
    """The pause of those who share a loop: others get their turn."""
    await asyncio.sleep(0)


class Keeper:
    """Stores one open collection on its shelf.

    told: what the engine's status tells of the index, none while it is read in pieces. write: the engine's answer to `commit` for
    `on` and `merge`. whole: reads all of it. check: raises `Closed` where the collection is.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        told: Callable[[], dict[str, Any] | None],
        write: Callable[[str | None, list[str]], Awaitable[Any]],
        whole: Callable[[], Awaitable[None]],
        check: Callable[[], None],
    ) -> None:
        self.shelf = shelf
        self._told = told
        self._write = write
        self._whole = whole
        self._check = check
        self._lock = asyncio.Lock()
        # What was changed since it was opened, and how much of that is stored.
        self._changes = self._stored = 0
        self._fault: FindlingError | None = None
        self._claiming: asyncio.Future[None] | None = None

    def claim(self) -> None:
        """Begin to become the one that writes the collection, while others go on; that another is, is told by `state` then."""
        self._claiming = asyncio.ensure_future(self._claim())

    async def claimed(self) -> bool:
        """Whether it is the one that writes, once that is known."""
        if self._claiming is not None:
            await asyncio.shield(self._claiming)
        return self._fault is None

    async def _claim(self) -> None:
        try:
            await self.shelf.claim()
        except FindlingError as error:
            self._fault = error

    async def open(self) -> dict[str, Any]:
        """What an engine opens the stored collection by, nothing where none is stored; raises what reading it gives."""
        length = await self.shelf.open()
        return {} if length is None else {"file": self.shelf.pointer, "length": length}

    async def read_ranges(self, ranges: Sequence[Range]) -> list[Any]:
        """Ranges of stored files; raises `StorageError` where one is gone."""
        try:
            return await self.shelf.read_ranges(ranges)
        except NotFound as error:
            raise StorageError(segments.GONE, file=error.detail.get("file"), reason="gone") from error

    def touch(self) -> None:
        """Note that there is something to store."""
        self._changes += 1

    def state(self) -> dict[str, Any]:
        """`saved`, whether all that the collection holds is stored, and the `fault` for which it is not; `claiming` while it is not
        known whether another writes it.
        """
        fault = {"fault": self._fault.as_object()} if self._fault else {}
        claiming = {"claiming": True} if self.is_claiming else {}
        return {"saved": self._is_saved(), **fault, **claiming}

    @property
    def is_claiming(self) -> bool:
        """Whether it is not known yet who writes the collection."""
        return self._claiming is not None and not self._claiming.done()

    @property
    def is_changed(self) -> bool:
        """Whether anything was changed since it was opened."""
        return self._changes > 0

    def live_share(self, more: int = 0) -> float:
        """Which share of the documents is stored in live segments, which others read whole; with so many `more` in them."""
        living = [(int(segment["living"]), bool(segment["live"])) for segment in self._segments()["segments"]]
        return (sum(count for count, is_live in living if is_live) + more) / max(1, sum(count for count, _ in living) + more)

    async def commit(self, pause: Pause = at_once) -> None:
        """Store what is not stored, then merge what is worth it, in slices that leave others their turn; the next commit tries
        again what did not succeed. Raises `Closed` only.
        """
        await self.claimed()
        async with self._lock:
            self._check()
            try:
                if not self._is_saved():
                    await self._commit()
            except Closed:
                raise
            except FindlingError as error:
                self._fault = error
                return
            try:
                while segments.to_merge(self._segments()):
                    await pause()
                    await self._commit()
            except Closed:
                raise
            except FindlingError:
                # Nothing is lost by it: all is stored, in more files than need be.
                return

    async def update(self) -> bool:
        """Store what changed since the collection was opened from the shelf, or last stored there; False, and nothing is stored, where it
        was not, or where that leaves more than `segments.LIVE_SHARE` of it in live segments. Raises the error for which it could not be stored.
        """
        await self.shelf.open()
        told = self._segments()
        is_there = self.shelf.header is not None and told.get("stored") == self.shelf.header["digest"]
        if not is_there or self.live_share(int(told["pending"])) > segments.LIVE_SHARE:
            return False
        self.touch()
        await self.commit()
        if self._fault is not None:
            raise self._fault
        return True

    async def files(self) -> dict[str, Any] | None:
        """The files of the collection as they are stored; None where that is not all of it."""
        await self.commit()
        async with self._lock:
            self._check()
            return await self.shelf.files() if self._is_saved() and self.shelf.header is not None else None

    async def retire(self, close: Callable[[], None]) -> None:
        """Close the collection once nothing of it is being written; raises `StorageError` where others write it."""
        async with self._lock:
            await self.shelf.claim()
            close()

    def _is_saved(self) -> bool:
        return self._stored == self._changes and self._fault is None

    async def _commit(self) -> None:
        await self.shelf.claim()
        await self._whole()
        on = await self.shelf.base()
        changes = self._changes
        merge = segments.to_merge(self._segments()) if on is not None else []
        await self.shelf.replace(await self._write(on, merge), self._check)
        self._fault, self._stored = None, changes

    def _segments(self) -> dict[str, Any]:
        """What the engine tells of the segments that are stored: what it computed last is, if the shelf has taken it. Nothing while
        the collection is read in pieces, and so nothing is merged.
        """
        told = self._told()
        if told is None:
            return {"segments": [], "pending": 0}
        drafted: dict[str, Any] | None = told["next"]
        is_stored = drafted is not None and self.shelf.header is not None and drafted["stored"] == self.shelf.header["digest"]
        return drafted if drafted is not None and is_stored else told
