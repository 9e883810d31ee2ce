"""The application: one method for each verb, and the answering of messages.

Owns which collections are open, which requests run, and what is cancelled. Must not know JavaScript,
sockets or where files lie: engine, store, clock and pause are handed in. Invariant: every message gets exactly one
reply or error, after any number of progress reports.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from findling import readers, segments, wire
from findling.collection import Collection, Found
from findling.commits import Shelf, Shelves
from findling.documents import Document, well_formed
from findling.engine import Engine, inspect
from findling.errors import Aborted, BadRequest, FindlingError, NotFound, NotReady, Unsupported
from findling.intake import Intake, Prepare, not_installed
from findling.keeping import Pause, let_others_run
from findling.query import DEFAULT_LIMIT, normalise
from findling.segments import Inspect
from findling.slices import Share
from findling.store import MemoryStore, Store, WritableStore

Progress = Callable[[int, int, str | None], None]

HERE: dict[str, Any] = {"source": "memory", "storage": None, "pool": None, "received_bytes": {}}
"""What a host says that keeps nothing and has nobody beside it."""


_TOLD = ("documents", "passages", "values", "size_bytes")
"""What of an index `status` tells: where its documents lie is between engine and store."""


@dataclass(slots=True)
class Ticket:
    """A running request as others see it: they may cancel it, it may report and say what is to be done when it is cancelled."""

    progress: Progress = lambda done, total, name: None
    is_cancelled: bool = False
    on_cancel: list[Callable[[], None]] = field(default_factory=list)

    def cancel(self) -> None:
        self.is_cancelled = True
        for act in self.on_cancel:
            act()


async def _nothing_comes(name: str) -> None:
    """Where an engine was given all that it will have before it was handed over."""


async def taken(work: Intake, target: Collection, ticket: Ticket, pause: Pause) -> dict[str, Any]:
    """What `App.add` answers, once what was gathered is in the collection."""
    total = len(work.documents)
    names = {id(document): name for document, name in zip(work.documents, work.names, strict=True)}

    def report(done: int, document: Document) -> None:
        ticket.progress(done, total, names[id(document)])

    outcome = await target.add(
        work.documents,
        pause=pause,
        progress=report,
        cancelled=lambda: ticket.is_cancelled,
        on_cancel=ticket.on_cancel.append,
    )
    for document, refusal in outcome["failed"]:
        work.refuse(document, refusal)
    work.missed(outcome["missed"])
    state = target.state()
    return {
        **{key: outcome[key] for key in ("added", "replaced", "unchanged")},
        "skipped": work.skipped,
        "documents": state["documents"],
        "passages": state["passages"],
        **target.kept(),
    }


class App:
    """Opens, fills, searches and saves collections.

    `calibrate` has what is saved and published learn which scores are good ones, for builders, who have the time and the model.
    `host` tells where the model came from, what storage there is, who embeds beside the engine, and how many bytes of each
    index file came over the network; `share` asks for those who embed; `prepare` fetches what a reader needs; `encoder` waits
    until the engine has what an encoder needs: `model`, `static`, or with `auto` whichever is there first. `keep` is where
    collections live that are kept, one folder each; `inspect` tells the header of a file.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        *,
        pause: Pause = let_others_run,
        clock: Callable[[], float] = time.perf_counter,
        host: Callable[[], dict[str, Any]] = lambda: HERE,
        share: Share | None = None,
        prepare: Prepare = not_installed,
        whole: bool = False,
        encoder: Callable[[str], Awaitable[None]] = _nothing_comes,
        calibrate: bool = False,
        keep: WritableStore | None = None,
        inspect: Inspect = inspect,
    ) -> None:
        self._engine = engine
        self._calibrate = calibrate
        self._prepare = prepare
        self._encoder = encoder
        self._wishes: set[asyncio.Future[None]] = set()
        self._whole = whole
        self._store = store
        self._pause = pause
        self._clock = clock
        self._host = host
        self._share = share
        self._shelves = Shelves(keep, inspect) if keep is not None else None
        self._inspect = inspect
        self._arriving: set[str] = set()
        self._collections: dict[str, Collection] = {}
        self._tickets: dict[int, Ticket] = {}

    async def open(self, collection: str, src: str | None = None, keep: bool = False) -> dict[str, Any]:
        """Open the index stored at `src`, or the collection that is kept under its name, or an empty one; one that is open
        already just tells its state. What changes in a collection that is kept is stored at once.
        """
        known = self._collections.get(collection)
        if known is not None:
            if src not in (None, known.src):
                raise BadRequest(f"{collection!r} is open with {known.src or 'no file'}; close it before you open it with {src}")
            if keep and known.keeper is None:
                raise BadRequest(f"{collection!r} is open and not kept; close it before you open the one that is kept")
            return await known.open()
        if keep and src is not None:
            raise BadRequest("open takes `src` or `keep`: a collection is read from where it was published, or kept here")
        if collection in self._arriving:
            raise BadRequest(f"{collection!r} is being imported; open it when that is done")
        shelf = self._kept().shelf(collection) if keep else None
        opening = Collection(
            collection, self._engine, self._store, src, share=self._share, clock=self._clock, whole=self._whole, shelf=shelf
        )
        # Entered before the first await, so that other requests find it and wait for it.
        self._collections[collection] = opening
        try:
            state = await opening.open()
        except BaseException:
            self._collections.pop(collection, None)
            if shelf is not None:
                await shelf.release()
            raise
        if state.get("lazy"):
            # Its dictionary encodes most queries; with the table it can take words that it does not have, and the model's vectors.
            self._wish_for("static")
        return state

    def _wish_for(self, encoder: str) -> None:
        """Have an encoder fetched while others go on; whether it comes is found out by those who need it."""
        wish = asyncio.ensure_future(self._encoder(encoder))
        # The loop itself keeps only weak references to its tasks.
        self._wishes.add(wish)

        def settle(wish: asyncio.Future[None]) -> None:
            self._wishes.discard(wish)
            if not wish.cancelled():
                wish.exception()

        wish.add_done_callback(settle)

    async def add(
        self,
        collection: str,
        files: Iterable[dict[str, Any]] | None = None,
        documents: list[dict[str, Any]] | None = None,
        ticket: Ticket | None = None,
    ) -> dict[str, Any]:
        """Read `files` (name, bytes) or take `documents` (objects of fields) and add what can be used.

        Files that are no list are asked for one after the other; `beside` of one gives the bytes of another in its folder.
        What cannot be used is listed in `skipped` with code and reason; cancelled, what was added stays and the rest
        is listed there with the code `aborted`.
        """
        ticket = ticket or Ticket()
        target = await self._find(collection)
        work = Intake(self._pause, self._clock, self._prepare, lambda: ticket.is_cancelled)
        if files is not None:
            await work.files(files)
        work.fields(documents or ())
        if work.documents:
            await self._encoder("model")
        return await taken(work, target, ticket, self._pause)

    async def remove(self, collection: str, ids: list[str]) -> dict[str, Any]:
        """Remove documents by id; ids that are not there count for nothing."""
        target = await self._find(collection)
        return {"removed": await target.remove([well_formed(id) for id in ids]), **target.kept()}

    async def search(
        self,
        collection: str,
        query: str,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        cursor: str | None = None,
        legs: str = "both",
        like: str | None = None,
        filter: dict[str, Any] | None = None,
        facets: list[dict[str, Any]] | None = None,
        sort: list[dict[str, Any]] | None = None,
        correct: bool = True,
        typing: bool = False,
        encoder: str = "auto",
        explain: bool = False,
        ticket: Ticket | None = None,
    ) -> dict[str, Any]:
        """The best documents for `query`, by `meaning`, `words` or `both`, or those most like the document `like`, for an empty query.

        See `query.plan` for the other arguments.

        `corrections` of the answer says which words were taken for others. Whether a newer search replaces this one is for
        those who search to say, by `cancel`.
        """
        ticket = ticket or Ticket()
        target = await self._find(collection)
        # Whatever the page has sent meanwhile is seen first.
        await self._pause()
        if ticket.is_cancelled:
            raise Aborted("the search was cancelled")
        wished: dict[str, Any] = {
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
            "legs": legs,
            "like": like,
            "filter": filter,
            "facets": facets,
            "sort": sort,
            "correct": correct,
            "typing": typing,
            "encoder": encoder,
            "explain": explain,
        }
        start = self._clock()
        try:
            found = await target.search(query, **wished)
        except NotReady:
            await self._encoder(encoder)
            if ticket.is_cancelled:
                raise Aborted("the search was cancelled") from None
            start = self._clock()
            found = await target.search(query, **wished)
        took_ms = (self._clock() - start) * 1000
        return {"query": normalise(query), **found.as_object(), "took_ms": took_ms}

    async def search_all(self, collection: str, queries: Sequence[str], **wished: Any) -> list[dict[str, Any]]:
        """What `search` answers to each of many queries; for who wants them all and waits, so no verb of the page."""
        return [each.as_object() for each in await self.find_all(collection, queries, **wished)]

    async def find(self, collection: str, query: str, **wished: Any) -> Found:
        """What `search` finds, as values; for who asks in Python, so no verb of the page."""
        return await (await self._find(collection)).search(query, **wished)

    async def find_all(self, collection: str, queries: Sequence[str], **wished: Any) -> list[Found]:
        """What `search_all` finds, as values."""
        return await (await self._find(collection)).search_all(queries, **wished)

    async def save(self, collection: str) -> dict[str, Any]:
        """The collection as one index file, and a name for it."""
        return {"bytes": await (await self._find(collection)).save(calibrate=self._calibrate), "name": f"{_stem(collection)}.findling"}

    async def publish(self, collection: str) -> Any:
        """The collection as the files of a published one; for who writes folders, so no verb of the page."""
        return await (await self._find(collection)).publish(calibrate=self._calibrate)

    async def update(self, collection: str, shelf: Shelf) -> bool:
        """Store what changed since a collection was opened from a shelf: see `Keeper.update`; for who writes folders, so no verb of the page."""
        return await (await self._find(collection)).update(shelf)

    async def status(self) -> dict[str, Any]:
        """What computes, with which model and how many workers, what is open, and how much memory of the engine it takes."""
        engine = json.loads(self._engine.status())
        host = self._host()
        model = engine["model"]
        return {
            "backend": engine["backend"],
            "kernel": engine["kernel"],
            "model": model and {"name": model["name"], "space": model["space"], "source": host["source"]},
            "collections": {
                name: {key: engine["indexes"][name][key] for key in _TOLD} | ({"title": each.title, **each.kept()} if each.keeper else {})
                for name, each in self._collections.items()
                if name in engine["indexes"]
            },
            "size_bytes": engine["size_bytes"],
            "memory_bytes": engine["memory_bytes"],
            "storage": host["storage"],
            "pool": host["pool"],
            "received_bytes": host["received_bytes"],
        }

    async def close(self, collection: str) -> dict[str, Any]:
        """Forget a collection; of one that is kept, what was not stored yet is stored first."""
        target = await self._find(collection)
        await target.commit(self._pause)
        target.close()
        del self._collections[collection]
        if target.keeper is not None:
            await target.keeper.shelf.release()
        return target.kept()

    async def collections(self) -> dict[str, Any]:
        """The collections that are kept, by name: title, documents, bytes, and whether they are open here and all of them is stored."""
        listed = []
        for name in await self._kept().names():
            told = {**await self._kept().told(name), "open": False}
            known = self._collections.get(name)
            if known is not None and known.keeper is not None:
                state = await known.open()
                told |= {"open": True, "title": state["title"], "documents": state["documents"], **known.kept()}
            listed.append(told)
        return {"collections": listed}

    async def rename(self, collection: str, title: str) -> dict[str, Any]:
        """Give a collection that is kept another title."""
        async with self._opened(collection) as target:
            await target.rename(well_formed(title))
            return {"collection": collection, "title": target.title, **target.kept()}

    async def commit(self, collection: str) -> dict[str, Any]:
        """Store what is not stored yet of a collection that is kept; answers its state."""
        async with self._opened(collection) as target:
            await target.commit(self._pause)
            return target.state()

    async def delete(self, collection: str) -> dict[str, Any]:
        """Close a collection that is kept, and remove its files; what could not be removed is removed by the next `delete`."""
        shelf = self._kept().shelf(collection)
        known = self._collections.get(collection)
        if known is not None and known.keeper is not None:
            await known.keeper.retire(known.close)
            del self._collections[collection]
            shelf = known.keeper.shelf
        elif not await shelf.exists():
            raise NotFound(f"there is no collection {collection!r} to delete", collection=collection)
        await shelf.claim()
        await shelf.delete()
        await shelf.release()
        return {}

    async def export(self, collection: str) -> dict[str, Any]:
        """A collection as one file, and a name for it: one that is open, or that is kept."""
        known = self._collections.get(collection)
        if known is None:
            shelf = self._kept().shelf(collection)
            title, files = (await self._kept().told(collection))["title"], await shelf.files()
        else:
            await known.open()
            title, files = known.title, await known.files()
        bundle = await self._bundle()
        return {"bytes": bundle.pack(files, self._inspect), "name": f"{_stem(title)}.findling.zip"}

    async def import_(self, collection: str, bytes: Any, title: str | None = None) -> dict[str, Any]:
        """Keep the collection in the bytes that `export` or `save` gave under a name that is free, and open it."""
        shelf = self._kept().shelf(collection)
        if collection in self._collections or collection in self._arriving or await shelf.is_stored():
            raise BadRequest(f"there is a collection {collection!r} already; import it under another name, or delete that one first")
        self._arriving.add(collection)
        try:
            files = await self._in_segments(collection, (await self._bundle()).unpack(bytes, self._inspect))
            try:
                await shelf.claim()
                await shelf.put(files)
                await shelf.sweep()
                self._arriving.discard(collection)
                state = await self.open(collection, keep=True)
            except FindlingError:
                with suppress(FindlingError):
                    await shelf.delete()
                raise
        finally:
            self._arriving.discard(collection)
        return {**state, **await self.rename(collection, title)} if title else state

    async def _in_segments(self, name: str, files: dict[str, Any]) -> dict[str, Any]:
        """What was unpacked as the files of a collection: an index that is one file would be read whole each time it is opened."""
        if len(files) > 1:
            return files
        index = Collection(name, self._engine, MemoryStore({name: files[segments.POINTER]}), name)
        try:
            await index.open()
            return segments.split(await index.committed(), self._inspect)[1]
        finally:
            index.close()

    def cancel(self, id: int) -> dict[str, Any]:
        """Ask request `id` to end; answers whether there was such a request."""
        ticket = self._tickets.get(id)
        if ticket is not None:
            ticket.cancel()
        return {"cancelled": ticket is not None}

    async def answer(self, message: Any, post: Callable[[wire.Message], None]) -> None:
        """Carry out one message from the page; progress and the one reply go out through `post`. Never raises."""
        id = wire.request_id(message)
        try:
            request = wire.parse(message)
            if request.verb == "cancel":
                result = self.cancel(**request.args)
            else:
                result = await self._run(request, post)
        except Exception as exception:  # noqa: BLE001 - no message may stay without an answer
            post(wire.failure(id, exception))
        else:
            post(wire.reply(id, result))

    async def _run(self, request: wire.Request, post: Callable[[wire.Message], None]) -> dict[str, Any]:
        if request.id in self._tickets:
            raise BadRequest(f"request {request.id} is still running; give every request an id of its own", id=request.id)
        ticket = Ticket(lambda done, total, name: post(wire.progress(request.id, done, total, name)))
        self._tickets[request.id] = ticket
        # Only these two take time enough for anybody to cancel them.
        extra = {"ticket": ticket} if request.verb in ("add", "search") else {}
        try:
            result: dict[str, Any] = await getattr(self, wire.method(request.verb))(**request.args, **extra)
            return result
        finally:
            del self._tickets[request.id]

    def _kept(self) -> Shelves:
        """The collections that are kept; raises `Unsupported` where nothing is."""
        if self._shelves is None:
            raise Unsupported("nothing is kept here: this application was given no store to keep collections in")
        return self._shelves

    @asynccontextmanager
    async def _opened(self, collection: str) -> AsyncIterator[Collection]:
        """A collection that is kept, open as long as it is needed; raises `NotFound` where there is none."""
        known = self._collections.get(collection)
        if known is None:
            if not await self._kept().shelf(collection).is_stored():
                raise NotFound(f"there is no collection {collection!r}; open it with `keep` to begin one", collection=collection)
            await self.open(collection, keep=True)
            try:
                yield await self._find(collection)
            finally:
                await self.close(collection)
            return
        await known.open()
        if known.keeper is None:
            raise BadRequest(f"{collection!r} is not kept; what is open with a file or with nothing is forgotten when it is closed")
        yield known

    async def _bundle(self) -> ModuleType:
        """The module for collections as one file; it needs what in a browser waits to be needed."""
        try:
            return import_module("findling.bundle")
        except ModuleNotFoundError:
            await self._prepare(readers.STANDARD_LIBRARY)
            return import_module("findling.bundle")

    async def _find(self, collection: str) -> Collection:
        """The collection, once it is open."""
        found = self._collections.get(collection)
        if found is None:
            raise NotFound(f"there is no open collection {collection!r}; open it first", collection=collection)
        await found.open()
        return found


def _stem(title: str) -> str:
    """A title as the name of a file, without its suffix."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in title)
