"""Collections in a store that can be written: one folder each, and how its files come and go.

Owns the order of writing and removing. Must not know engines or documents. Invariant: at every moment, also when a call
fails or the process is killed within it, a folder holds the old collection or the new one, because the pointer is written
after its segments, removed before them, and only what no pointer names is swept away.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from findling import segments
from findling.errors import BadRequest, FindlingError, NotFound, StorageError
from findling.segments import POINTER, Inspect
from findling.store import Range, WritableStore, read_ranges

POINTER_BYTES = 64 << 10
"""How much of a pointer is read before its length is asked for: nearly always all of it."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Shelf:
    """One collection in a store: its pointer and its segments, in a folder of its own or, with an empty `folder`, in the store's."""

    def __init__(self, store: WritableStore, folder: str, inspect: Inspect) -> None:
        self.store = store
        self._front = f"{folder}/" if folder else ""
        self.pointer = self._front + POINTER
        self._inspect = inspect
        self.header: dict[str, Any] | None = None
        """The header of the pointer that is stored now; none before the first commit."""
        # The pointer that was opened last; an engine that asks for it is given what its header was read from.
        self._opened: Any = b""
        # Of the pointer that was written last: a write that failed may have been done all the same.
        self._tried: str | None = None
        self._is_claimed = False
        # Asking to be the one that writes: a store that is asked twice at once would have one ask wait for the other.
        self._asking: asyncio.Future[bool] | None = None

    async def open(self) -> int | None:
        """The length of the stored pointer in bytes, None where nothing is stored; raises what reading it or its header gives."""
        found = await self._look()
        if found is None:
            return None
        self.header, self._opened = found
        return len(self._opened)

    async def read_ranges(self, ranges: Sequence[Range]) -> list[Any]:
        """Ranges of its files, those of the pointer as it was when it was opened; raises what the store's `read` does."""
        read = iter(await read_ranges(self.store, [each for each in ranges if each[0] != self.pointer]))
        return [self._opened[offset : offset + length] if file == self.pointer else next(read) for file, offset, length in ranges]

    async def exists(self) -> bool:
        """Whether anything of it is stored, were it what a crash or a failed removal left."""
        return bool(await self.store.names(self._front))

    async def is_stored(self) -> bool:
        """Whether there is a collection: a pointer, whatever it says."""
        return self.pointer in await self.store.names(self._front)

    async def claim(self) -> None:
        """Make sure that nobody else writes this collection; raises `StorageError` where somebody does. Stores without the means grant it."""
        if not self._is_claimed:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.ensure_future(self._ask())
            self._is_claimed = await asyncio.shield(self._asking)
        if not self._is_claimed:
            raise StorageError(
                "it is open for writing elsewhere, as in another tab: change it there, or close it there and open it here again", reason="busy"
            )

    async def _ask(self) -> bool:
        ask = getattr(self.store, "claim", None)
        return ask is None or bool(await ask(self._front.rstrip("/")))

    async def is_as_read(self) -> bool:
        """Whether the stored pointer is the one that was read last."""
        found = await self._look()
        return (found and found[0]["digest"]) == (self.header and self.header["digest"])

    async def release(self) -> None:
        """Let others write the collection."""
        if self._asking is not None and not self._asking.done():
            # What is granted later has to be let go too.
            with suppress(FindlingError):
                await self.claim()
        tell = getattr(self.store, "release", None)
        if tell is not None and self._is_claimed:
            await tell(self._front.rstrip("/"))
        self._is_claimed = False

    async def base(self) -> str | None:
        """The digest of the pointer to commit on; None where all has to be written, because nothing is stored or some of it is gone.

        Raises `StorageError` where the stored pointer is one that somebody else has written.
        """
        try:
            found = await self._look()
        except StorageError:
            raise
        except FindlingError:
            # Damaged, or evicted in between.
            found = None
        if found is None or "segments" not in found[0]["meta"]:
            return None
        header, _ = found
        if header["digest"] not in (self.header and self.header["digest"], self._tried):
            raise StorageError("the stored collection was changed by somebody else; close it and open it again", reason="changed")
        self.header = header
        there = await self.store.names(self._front)
        return str(header["digest"]) if all(self._front + name in there for name in segments.names(header)) else None

    async def replace(self, committed: Any, check: Callable[[], None] = lambda: None) -> None:
        """Store an engine's answer to `commit`; `check` raises where nothing more is to be written."""
        header, files = segments.split(committed, self._inspect)
        self._tried = str(header["digest"])
        for name, data in files.items():
            check()
            await self.store.write(self._front + name, data)
        self.header = header
        await self.sweep()

    async def files(self) -> dict[str, Any]:
        """All files of the stored collection by their names, the pointer last; raises `NotFound` where there is none."""
        pointer = await self._whole(self.pointer)
        named = segments.names(self._inspect(pointer))
        return {**{name: await self._whole(self._front + name) for name in named}, POINTER: pointer}

    async def put(self, files: dict[str, Any]) -> None:
        """Write the files of a collection in their order, the pointer last."""
        for name, data in files.items():
            await self.store.write(self._front + name, data)
        self.header = self._inspect(files[POINTER])

    async def delete(self) -> None:
        """Remove the collection, pointer first, and whatever else lies in its folder."""
        await self.store.remove(self.pointer)
        for name in await self.store.names(self._front):
            await self.store.remove(name)

    async def sweep(self) -> None:
        """Remove what the stored pointer does not name; what cannot be removed now is tried again by the next commit."""
        try:
            found = [name.removeprefix(self._front) for name in await self.store.names(self._front)]
            for name in segments.left_over(found, self.header or {"meta": {}}):
                await self.store.remove(self._front + name)
        except FindlingError:
            return

    async def _look(self) -> tuple[dict[str, Any], Any] | None:
        """The header of the stored pointer and its bytes; None where there is none."""
        try:
            data = await self.store.read(self.pointer, 0, POINTER_BYTES)
            if len(data) == POINTER_BYTES:
                data = await self._whole(self.pointer)
        except NotFound:
            return None
        return self._inspect(data), data

    async def _whole(self, name: str) -> Any:
        return await self.store.read(name, 0, await self.store.size(name))


class Shelves:
    """All collections that a store keeps, each in a folder of its name."""

    def __init__(self, store: WritableStore, inspect: Inspect) -> None:
        self._store = store
        self._inspect = inspect

    def shelf(self, name: str) -> Shelf:
        """The place of a collection; raises `BadRequest` for a name that cannot be a folder's everywhere."""
        if not _NAME.fullmatch(name):
            raise BadRequest(f"{name[:80]!r} cannot be the name of a collection that is kept: 1 to 64 of a-z, 0-9, - and _ are; its title may be anything")
        return Shelf(self._store, name, self._inspect)

    async def names(self) -> list[str]:
        """The names of the collections that are stored."""
        found = (name.removesuffix(f"/{POINTER}") for name in await self._store.names() if name.endswith(f"/{POINTER}"))
        return [name for name in found if _NAME.fullmatch(name)]

    async def told(self, name: str) -> dict[str, Any]:
        """Title, number of documents where the pointer tells it, and bytes of a stored collection; its `fault` where it cannot be read."""
        shelf = self.shelf(name)
        told: dict[str, Any] = {"collection": name, "title": name, "documents": None}
        try:
            there = await self._store.names(f"{name}/")
            told["size_bytes"] = sum([await self._store.size(each) for each in there])
            await shelf.open()
            missing = [each for each in segments.names(shelf.header or {"meta": {}}) if f"{name}/{each}" not in there]
            if missing:
                raise StorageError(segments.GONE, file=missing[0], reason="gone")
        except FindlingError as error:
            return {**told, "fault": error.as_object()}
        if shelf.header is not None:
            user = shelf.header["meta"].get("user") or {}
            told |= {"title": str(user.get("title") or name), "documents": segments.documents(shelf.header)}
        return told
