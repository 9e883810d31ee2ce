"""The application: one method for each verb, and the answering of messages.

Owns which collections are open, which requests run, and what is cancelled. Must not know JavaScript,
sockets or where files lie: engine, store, clock and pause are handed in. Invariant: every message gets exactly one
reply or error, after any number of progress reports.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from findling import readers, wire
from findling.collection import Collection, Pause, Share
from findling.documents import Document, from_fields, well_formed
from findling.engine import Engine
from findling.errors import Aborted, BadRequest, FindlingError, NotFound, NotReady, Unsupported
from findling.query import DEFAULT_LIMIT, normalise
from findling.store import Store

Progress = Callable[[int, int, str | None], None]
Prepare = Callable[[str], Awaitable[None]]
"""Makes a package importable that a reader needs; raises `Unsupported` or `NetworkError` where it cannot."""

STEP_S = 0.05
"""How long a file is read before others get their turn."""

HERE: dict[str, Any] = {"source": "memory", "storage": None, "pool": None, "received_bytes": {}}
"""What a host says that keeps nothing and has nobody beside it."""


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


@dataclass(slots=True)
class _Import:
    """What one add has gathered: the documents to add, for each the file it came from, and what was left out."""

    documents: list[Document] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)

    def take(self, name: str, documents: Sequence[Document]) -> None:
        self.documents += documents
        self.names += [name] * len(documents)

    def skip(self, name: str, code: str, reason: str) -> None:
        self.skipped.append({"name": name, "code": code, "reason": reason})


def _bytes(data: Any) -> Any:
    """What was handed over as bytes; a file's map in memory stays where it is."""
    return data if isinstance(data, bytes) or hasattr(data, "seek") else bytes(data)


async def _let_others_run() -> None:
    await asyncio.sleep(0)


async def _not_installed(package: str) -> None:
    raise Unsupported(f"the Python package {package} reads this kind of file and is not installed; install it (pip install {package})", package=package)


async def _nothing_comes(name: str) -> None:
    """Where an engine was given all that it will have before it was handed over."""


class App:
    """Opens, fills, searches and saves collections.

    `calibrate` has what is saved and published learn which scores are good ones, for builders, who have the time and the model.
    `host` tells where the model came from, what storage there is, who embeds beside the engine, and how many bytes of each
    index file came over the network; `share` asks for those who embed; `prepare` fetches what a reader needs; `encoder` waits
    until the engine has what an encoder needs: `model`, `static`, or with `auto` whichever is there first.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        *,
        pause: Pause = _let_others_run,
        clock: Callable[[], float] = time.perf_counter,
        host: Callable[[], dict[str, Any]] = lambda: HERE,
        share: Share | None = None,
        prepare: Prepare = _not_installed,
        whole: bool = False,
        encoder: Callable[[str], Awaitable[None]] = _nothing_comes,
        calibrate: bool = False,
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
        self._collections: dict[str, Collection] = {}
        self._tickets: dict[int, Ticket] = {}

    async def open(self, collection: str, src: str | None = None) -> dict[str, Any]:
        """Open the index stored at `src`, or an empty collection; one that is open already just tells its state."""
        known = self._collections.get(collection)
        if known is not None:
            if src not in (None, known.src):
                raise BadRequest(f"{collection!r} is open with {known.src or 'no file'}; close it before you open it with {src}")
            return await known.open()
        opening = Collection(collection, self._engine, self._store, src, share=self._share, clock=self._clock, whole=self._whole)
        # Entered before the first await, so that other requests find it and wait for it.
        self._collections[collection] = opening
        try:
            state = await opening.open()
        except BaseException:
            self._collections.pop(collection, None)
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
        work = _Import()
        if files is not None:
            await self._read(files, work, ticket)
        for number, fields in enumerate(documents or ()):
            fallback = f"document-{number + 1}"
            try:
                work.take(str(fields.get("id") or fallback), [from_fields(fields, fallback)])
            except FindlingError as error:
                work.skip(well_formed(str(fields.get("id") or fallback)), error.code, error.message)
        if work.documents:
            await self._encoder("model")
        total = len(work.documents)

        def report(done: int) -> None:
            ticket.progress(done, total, work.names[done - 1])

        outcome = await target.add(
            work.documents,
            pause=self._pause,
            progress=report,
            cancelled=lambda: ticket.is_cancelled,
            on_cancel=ticket.on_cancel.append,
        )
        for document, refusal in outcome["failed"]:
            work.skip(document.id, refusal.code, refusal.message)
        missed = work.names[outcome["done"] :]
        for name in dict.fromkeys(missed):
            left, of = missed.count(name), work.names.count(name)
            work.skip(
                name, Aborted.code, f"cancelled before {'it' if of == 1 else f'{left} of its {of} documents'} could be added"
            )
        state = target.state()
        return {
            "added": outcome["added"],
            "replaced": outcome["replaced"],
            "skipped": work.skipped,
            "documents": state["documents"],
            "passages": state["passages"],
        }

    async def remove(self, collection: str, ids: list[str]) -> dict[str, Any]:
        """Remove documents by id; ids that are not there count for nothing."""
        return {"removed": await (await self._find(collection)).remove([well_formed(id) for id in ids])}

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
        found = await (await self._find(collection)).search_all(queries, **wished)
        return [each.as_object() for each in found]

    async def save(self, collection: str) -> dict[str, Any]:
        """The collection as one index file, and a name for it."""
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in collection)
        return {"bytes": await (await self._find(collection)).save(calibrate=self._calibrate), "name": f"{stem}.findling"}

    async def publish(self, collection: str) -> Any:
        """The collection as the files of a published one; for who writes folders, so no verb of the page."""
        return await (await self._find(collection)).publish(calibrate=self._calibrate)

    async def status(self) -> dict[str, Any]:
        """What computes, with which model and how many workers, what is open, and how much memory of the engine it takes."""
        engine = json.loads(self._engine.status())
        host = self._host()
        model = engine["model"]
        return {
            "backend": engine["backend"],
            "kernel": engine["kernel"],
            "model": model and {"name": model["name"], "space": model["space"], "source": host["source"]},
            "collections": {name: engine["indexes"][name] for name in self._collections if name in engine["indexes"]},
            "size_bytes": engine["size_bytes"],
            "memory_bytes": engine["memory_bytes"],
            "storage": host["storage"],
            "pool": host["pool"],
            "received_bytes": host["received_bytes"],
        }

    async def close(self, collection: str) -> dict[str, Any]:
        """Forget a collection."""
        (await self._find(collection)).close()
        del self._collections[collection]
        return {}

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
            result: dict[str, Any] = await getattr(self, request.verb)(**request.args, **extra)
            return result
        finally:
            del self._tickets[request.id]

    async def _read(self, files: Iterable[dict[str, Any]], work: _Import, ticket: Ticket) -> None:
        """Read files one after the other, and let others run in between."""
        listed = {readers.clean_name(file["name"]): file["bytes"] for file in files} if isinstance(files, list) else {}

        def beside(name: str) -> bytes | None:
            found = listed.get(name)
            return None if found is None else bytes(found)

        for number, file in enumerate(files):
            if number:
                await self._pause()
            name = readers.clean_name(file["name"])
            if ticket.is_cancelled:
                work.skip(name, Aborted.code, "cancelled before it was read")
                continue
            try:
                reading = await self._read_one(name, _bytes(file["bytes"]), file.get("beside", beside), ticket)
            except FindlingError as error:
                work.skip(name, error.code, error.message)
                continue
            work.take(name, reading.documents)
            for each in reading.skipped:
                work.skip(each.name, each.code, each.message)
            if reading.faults:
                work.skip(name, "bad_input", reading.reason())

    async def _read_one(self, name: str, data: bytes, beside: Callable[[str], bytes | None], ticket: Ticket) -> readers.Reading:
        """What is in a file; what its reader needs is fetched first."""
        prepared: set[str] = set()
        while True:
            reading = readers.Reading()
            began = self._clock()
            try:
                for _ in readers.steps(readers.File(name, data, beside=beside), reading):
                    if self._clock() - began > STEP_S:
                        await self._pause()
                        began = self._clock()
                    if ticket.is_cancelled:
                        raise Aborted("cancelled while it was read")
                return reading
            except readers.Needs as need:
                if need.package in prepared:
                    raise Unsupported(f"{need.package} could not be loaded, which reads this kind of file", package=need.package) from need
                prepared.add(need.package)
                await self._prepare(need.package)

    async def _find(self, collection: str) -> Collection:
        """The collection, once it is open."""
        found = self._collections.get(collection)
        if found is None:
            raise NotFound(f"there is no open collection {collection!r}; open it first", collection=collection)
        await found.open()
        return found
