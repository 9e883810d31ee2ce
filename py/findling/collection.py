"""A collection: documents that are searched together, kept in one index of an engine.

Owns the way from documents to passages to the engine and back to hits, and the loop that fetches what an engine lacks.
Must not know messages, files' formats or who asks. Invariant: what an add has reported as added is searchable, also
when a later slice fails or is cancelled.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from findling import passages, segments, slices
from findling.commits import Shelf
from findling.documents import Document, Hit
from findling.engine import Engine, Request, encode
from findling.errors import Closed, FindlingError, StorageError, Unsupported
from findling.keeping import Keeper, Pause, at_once, let_others_run
from findling.query import plan
from findling.slices import SHARED_WORDS, Session, Share, Slice, Slices
from findling.store import Store, read_ranges

QUERIES_TOGETHER = 256
"""How many queries of a file are embedded in one go: enough for all cores."""
RECORDS_TOGETHER = 200
"""How many documents are compared with what is there before others get their turn."""
COMMIT_S = 10.0
"""How much of an import is lost at most, in time, when it is killed."""
REST_AFTER_S = 0.25
"""How long what searches have not read is left where it is: the first search comes as soon as a collection is open, and is to wait for nothing."""
MAX_ROUNDS = 1_000
"""An engine that asks more often than this for one answer will never be content."""


class Found(NamedTuple):
    """What a search gave: hits, how many documents match and whether that is exact, counts of facets, and what was corrected."""

    hits: list[Hit]
    total: int = 0
    exact: bool = True
    facets: Sequence[dict[str, Any]] = ()
    corrections: Sequence[dict[str, str]] = ()
    encoder: str | None = None
    """What made the vector of the query: `model` or `static`; none where nothing did."""
    close: bool | None = None
    """Whether the best hit is more than weak; none where the collection does not know."""
    cursor: str | None = None
    """Where the next page begins; none where there is none, or nobody asked."""

    def as_object(self) -> dict[str, Any]:
        """The answer as it crosses the wire."""
        return {
            "hits": [hit.as_object() for hit in self.hits],
            "total": self.total,
            "exact": self.exact,
            "facets": list(self.facets),
            "corrections": list(self.corrections),
            **{key: value for key, value in (("encoder", self.encoder), ("close", self.close), ("cursor", self.cursor)) if value is not None},
        }


class Collection:
    """One open collection. Requests may overlap: an engine call is atomic, and between two of them others may run."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        store: Store,
        src: str | None = None,
        meta: dict[str, Any] | None = None,
        share: Share | None = None,
        clock: Callable[[], float] = time.perf_counter,
        whole: bool = False,
        shelf: Shelf | None = None,
    ) -> None:
        self.name = name
        self._whole = whole
        self.src = src
        self._engine = engine
        self._store = store
        self._meta = dict(meta or {})
        self._share = share
        self._clock = clock
        self._closed = False
        self._counts = {"documents": 0, "passages": 0}
        self._names: list[str] | None = None
        self.space: str | None = None
        """What the vectors of the stored index may be compared with; None where it has none."""
        self._opening: asyncio.Future[None] | None = None
        self._is_in_pieces = False
        self._settling: asyncio.Future[None] | None = None
        # Reading what was left in the store when it was opened, while no search is under way.
        self._rest: asyncio.Future[Any] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._searches = 0
        self._quiet = asyncio.Event()
        self.keeper = self._keeper_on(shelf) if shelf is not None else None

    async def open(self) -> dict[str, Any]:
        """Open the stored index at `src` or on the `shelf`, or an empty one that will say `meta` of itself; answers `state()`.

        Whoever calls while it is being opened waits for the same opening.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        await self._opening
        return self.state()

    async def _open(self) -> None:
        if self.keeper is not None:
            # Where another tab writes it that takes seconds to be sure of, in which it can be read.
            self.keeper.claim()
            await let_others_run()
        was_claiming = self.keeper is not None and self.keeper.is_claiming
        opened = await self._read(self._whole)
        self._meta |= opened.get("meta") or {}
        if was_claiming:
            self._settling = asyncio.ensure_future(self._settle())
        if self.keeper is not None and not self._is_in_pieces:
            self._later = asyncio.get_running_loop().call_later(REST_AFTER_S, self._begin_rest)

    async def _settle(self) -> None:
        """Read it again where whoever wrote it until now did so after it was read."""
        assert self.keeper is not None
        with suppress(FindlingError):
            if await self.keeper.claimed() and not self.keeper.is_changed and not await self.keeper.shelf.is_as_read():
                self._meta |= (await self._read(self._whole)).get("meta") or {}

    async def _read(self, whole: bool) -> dict[str, Any]:
        """Have the engine open what is stored, all of it or what it needs; gives its answer."""
        request: Request = {"index": self.name}
        if self.keeper is not None:
            request |= await self.keeper.open()
        elif self.src is not None:
            request |= {"file": self.src, "length": await self._store.size(self.src)}
        if "file" in request:
            request["whole"] = whole
        opened = await self._ask(self._engine.open, request)
        self.space = opened.get("space")
        self._names = opened.get("values")
        self._counts = {key: opened[key] for key in ("documents", "passages")}
        self._is_in_pieces = self._index() is None
        return opened

    def _begin_rest(self) -> None:
        # Nobody waits for it, and what it cannot read is asked for again when it is needed.
        self._rest = asyncio.ensure_future(self._read_rest())

    async def _read_rest(self) -> None:
        """Read what searches have not read, piece by piece, so that what is open outlives its files: a change takes all, were it none."""
        with suppress(FindlingError):
            await self._ask(self._engine.remove, {"index": self.name, "ids": []}, pause=self._searched)

    async def _searched(self) -> None:
        """Wait until no search is under way."""
        while self._searches:
            self._quiet.clear()
            await self._quiet.wait()

    async def _have_whole(self) -> None:
        """Read all of a kept collection that is read in pieces, for what pieces cannot do; until then it is searched in pieces."""
        if self._settling is not None:
            # What is changed before is not to be read over.
            await asyncio.shield(self._settling)
        if self.keeper is None or not self._is_in_pieces:
            return
        if self._rest is None or self._rest.done():
            self._rest = asyncio.ensure_future(self._read(whole=True))
        # Others may wait for it too.
        await asyncio.shield(self._rest)

    def state(self) -> dict[str, Any]:
        """Name, number of documents and passages, what the stored index says of itself, what documents can be filtered by, and whether it is read in pieces."""
        self._check()
        # A published collection is read in pieces: it is no index, and what it holds was said when it was opened.
        index = self._index()
        counts = index or self._counts
        return {
            "collection": self.name,
            "documents": counts["documents"],
            "passages": counts["passages"],
            "meta": self._meta,
            "values": self._values(),
            **({} if index else {"lazy": True}),
            **({"title": self.title} if self.keeper else {}),
            **self.kept(),
        }

    @property
    def title(self) -> str:
        """What people call it; its name where it was given none."""
        return str(self._meta.get("title") or self.name)

    def kept(self) -> dict[str, Any]:
        """Of a collection that is kept: `saved`, whether all that it holds is stored, and the `fault` for which it is not."""
        return self.keeper.state() if self.keeper is not None else {}

    async def add(
        self,
        documents: Sequence[Document],
        *,
        pause: Pause,
        progress: Callable[[int, Document], None] = lambda done, document: None,
        cancelled: Callable[[], bool] = lambda: False,
        on_cancel: Callable[[Callable[[], None]], None] = lambda act: None,
    ) -> dict[str, Any]:
        """Add documents slice by slice; a document with a known id replaces the old one, one that is there as it is stays.

        Answers added, replaced, unchanged, `missed` (the places of those documents that were not taken in) and `failed`, a
        list of (document, error) for those that the engine refused. `progress` is told how many are done, and the last of
        them. Cancelled, it ends after the slice at hand; `on_cancel` takes what is to be done at once then, so that nobody
        waits for vectors that are not wanted any more. What is done of a kept collection is stored from time to time, and at the end.
        """
        await self._have_whole()
        added = replaced = 0
        failed: list[tuple[Document, FindlingError]] = []
        places = await self._changed(documents, pause)
        unchanged = len(documents) - len(places)
        if unchanged:
            progress(unchanged, documents[-1])
        changed = [documents[place] for place in places]
        session = self._session(changed)
        cut = Slices(changed, session)
        if session is not None:
            on_cancel(session.end)
        done, committed = 0, self._clock()
        try:
            while (slice_ := await cut.next()) is not None and not cancelled():
                began = self._clock()
                counts, refused = await self._add_slice(slice_)
                cut.took(self._clock() - began, slice_)
                added += counts[0]
                replaced += counts[1]
                failed += refused
                done += len(slice_.documents)
                progress(unchanged + done, slice_.documents[-1])
                await pause()
                if self._clock() - committed >= COMMIT_S:
                    await self.commit(pause)
                    committed = self._clock()
        finally:
            if session is not None:
                session.end()
            if not self._closed:
                await self.commit(pause)
        return {"added": added, "replaced": replaced, "unchanged": unchanged, "missed": places[done:], "failed": failed}

    async def _changed(self, documents: Sequence[Document], pause: Pause) -> list[int]:
        """The places of the documents that the collection has not, or has otherwise; the rest need not be embedded again."""
        places = list(range(len(documents)))
        index = self._index()
        if index and not index["documents"]:
            self._meta["cutting"] = passages.CUTTING
        # Whatever was cut or embedded in another way is not what it would be now.
        is_of_now = self.space in (None, self._model()) and self._meta.get("cutting", passages.CUTTING) == passages.CUTTING
        if not index or not index["documents"] or not is_of_now:
            return places
        # Of several documents with one id the last one counts, whatever is there.
        often = Counter(document.id for document in documents)
        same = set()
        for start in range(0, len(documents), RECORDS_TOGETHER):
            some = {document.id: (start + at, document) for at, document in enumerate(documents[start : start + RECORDS_TOGETHER])}
            answer = await self._ask(self._engine.records, {"index": self.name, "ids": list(some)})
            for each in answer["records"]:
                place, document = some[each["id"]]
                if often[document.id] == 1 and _is_of(each["record"], document):
                    same.add(place)
            await pause()
        return [place for place in places if place not in same]

    def _session(self, documents: Sequence[Document]) -> Session | None:
        """Help for an import that is large enough to be worth it, once there is a model."""
        if self._share is None or sum(map(slices.words, documents)) < SHARED_WORDS or self._model() is None:
            return None
        return self._share()

    def _model(self) -> str | None:
        """The space of the engine's model; None while there is none."""
        model = json.loads(self._engine.status())["model"]
        return model and str(model["space"])

    async def _add_slice(self, slice_: Slice) -> tuple[tuple[int, int], list[tuple[Document, FindlingError]]]:
        """Add a slice; where the engine refuses it for one document's sake, each of its documents by itself."""
        request: Request = {"index": self.name, "documents": slice_.entries}
        try:
            if slice_.vectors is None:
                counts = await self._ask(self._engine.add, request)
            else:
                request["space"] = self._model()
                counts = await self._ask(lambda payload: self._engine.add_vectors(payload, slice_.vectors), request)
            self._touch()
            return (counts["added"], counts["replaced"]), []
        except FindlingError as error:
            if error.code != "bad_input":
                raise
            if len(slice_.documents) == 1:
                return (0, 0), [(slice_.documents[0], error)]
        added = replaced = 0
        failed = []
        for document in slice_.documents:
            counts_of_one, refused = await self._add_slice(slices.of([document]))
            added += counts_of_one[0]
            replaced += counts_of_one[1]
            failed += refused
        return (added, replaced), failed

    async def remove(self, ids: list[str]) -> int:
        """Remove documents; answers how many there were."""
        await self._have_whole()
        removed: int = (await self._ask(self._engine.remove, {"index": self.name, "ids": ids}))["removed"]
        if removed:
            self._touch()
        await self.commit()
        return removed

    async def rename(self, title: str) -> None:
        """Give it another title."""
        self._meta["title"] = title
        self._touch()
        await self.commit()

    def _touch(self) -> None:
        """Note that there is something to store, and other values it may be."""
        self._names = None
        if self.keeper is not None:
            self.keeper.touch()

    async def ids(self) -> list[str]:
        """The ids of all documents."""
        await self._have_whole()
        return [each["id"] for each in (await self._ask(self._engine.records, {"index": self.name}))["records"]]

    async def search(self, query: str, **wished: Any) -> "Found":
        """The best documents for a query, best first; none for a query with nothing in it. `wished`: see `query.plan`."""
        self._check()
        self._searches += 1
        try:
            return await self._found(plan(query, index=self.name, known=self._values(), **wished), shown=True)
        finally:
            self._searches -= 1
            if not self._searches:
                self._quiet.set()

    def _shown(self, request: Request, answer: dict[str, Any]) -> list[dict[str, Any]]:
        """What is shown of each hit: title and snippet in pieces, and the passage the snippet is of."""
        items: list[dict[str, Any]] = []
        for hit in answer["hits"]:
            known = {key: hit["record"][key] for key in ("title", "text", "spans") if key in hit["record"]}
            items.append({**known, "passage": hit["passage"] if "spans" in known else 0})
        # Without a leg of words those that are embedded are marked all the same.
        query = {"text": request.get("text", ""), **request.get("words", {})}
        corrections = {each["from"]: each["to"] for each in answer.get("corrections", ())}
        asked = {"items": items, "query": query, "corrections": corrections, "index": self.name}
        shown: list[dict[str, Any]] = json.loads(self._engine.snippets(encode(asked)))["items"]
        return shown

    async def search_all(self, queries: Sequence[str], **wished: Any) -> list["Found"]:
        """What `search` finds for each of many queries, embedded `QUERIES_TOGETHER` at a time."""
        self._check()
        known = self._values()
        plans = [plan(query, index=self.name, known=known, **wished) for query in queries]
        # Pieces are summed faster than vectors are handed over.
        by_model = wished.get("encoder") != "static" and self._model() is not None
        found = []
        for start in range(0, len(plans), QUERIES_TOGETHER):
            some = plans[start : start + QUERIES_TOGETHER]
            vectors = iter(self._embedded([each["text"] for each in some if by_model and each is not None and "text" in each]))
            for each in some:
                if each is None or "text" not in each or not by_model:
                    found.append(await self._found(each))
                    continue
                answer = await self._found({key: value for key, value in each.items() if key not in ("text", "encoder")} | next(vectors))
                # What was corrected has to be embedded as corrected.
                found.append(await self._found(each) if answer.corrections else answer)
        return found

    def _embedded(self, texts: list[str]) -> list[Request]:
        """The vectors of queries, as a plan has them."""
        if not texts:
            return []
        rows = memoryview(bytes(self._engine.embed(encode({"texts": texts, "kind": "query"})))).cast("f")
        dim, space = len(rows) // len(texts), self._model()
        return [{"vector": rows[at * dim : (at + 1) * dim].tolist(), "space": space} for at in range(len(texts))]

    async def _found(self, request: Request | None, shown: bool = False) -> "Found":
        """What a plan finds; `shown` makes the pieces that a person sees, which a run of many queries has no use for."""
        if request is None:
            return Found([])
        try:
            answer = await self._ask(self._engine.search, request)
        except Unsupported:
            if self.keeper is None or not self._is_in_pieces:
                raise
            await self._have_whole()
            answer = await self._ask(self._engine.search, request)
        told = {key: answer[key] for key in ("total", "exact", "facets", "corrections", "encoder", "close", "cursor") if key in answer}
        if not shown:
            return Found([Hit.from_answer(hit) for hit in answer["hits"]], **told)
        pieces = self._shown(request, answer)
        return Found([Hit.from_answer(hit, each) for hit, each in zip(answer["hits"], pieces, strict=True)], **told)

    def _values(self) -> list[str]:
        """The names of what the documents can be filtered by, asked for once between two changes of the documents."""
        if self._names is None:
            self._names = list((self._index() or {}).get("values", ()))
        return self._names

    async def save(self, *, calibrate: bool = False) -> Any:
        """The whole collection as the bytes of one index file, in the engine's kind of bytes.

        calibrate: learn anew which scores are good ones, so that hits have a `band` and answers say `close`.
        """
        return await self._written(self._engine.dump, calibrate)

    async def publish(self, *, calibrate: bool = False) -> Any:
        """The collection as the files of a published one, in the engine's kind of bytes; `findling.published` takes them apart.

        calibrate: as for `save`.
        """
        return await self._written(self._engine.publish, calibrate)

    async def commit(self, pause: Pause = at_once) -> None:
        """Store what a kept collection holds and has not stored; what hinders it is told by `kept`, and the next commit tries again."""
        if self.keeper is not None:
            await self.keeper.commit(pause)

    async def update(self, shelf: Shelf) -> bool:
        """Store what changed since it was opened from a shelf: see `Keeper.update`."""
        return await self._keeper_on(shelf).update()

    def _keeper_on(self, shelf: Shelf) -> Keeper:
        return Keeper(shelf, told=self._index, write=self.committed, whole=self._have_whole, check=self._check)

    async def files(self) -> dict[str, Any]:
        """The files of the collection as they are stored; one file of its own making where that is not all."""
        stored = await self.keeper.files() if self.keeper is not None else None
        return stored if stored is not None else {segments.POINTER: await self.save()}

    async def committed(self, on: str | None = None, merge: Sequence[str] = ()) -> Any:
        """The engine's answer to `commit`: what is to be stored, on a pointer that is, of which these segments are merged."""
        request: Request = {"index": self.name, "meta": self._meta, "on": on, "merge": list(merge)}
        return (await self._ask(self._engine.commit, request, _file_or_need))["file"]

    def _index(self) -> dict[str, Any] | None:
        """What the engine tells of the index; none where the collection is read in pieces."""
        told: dict[str, Any] | None = json.loads(self._engine.status())["indexes"].get(self.name)
        return told

    async def _written(self, method: Callable[[bytes], bytes], calibrate: bool) -> Any:
        await self._have_whole()
        request: Request = {"index": self.name, "meta": self._meta, **({"calibrate": True} if calibrate else {})}
        return (await self._ask(method, request, _file_or_need))["file"]

    def close(self) -> None:
        """Forget the collection; later requests, and slices of an add under way, raise `Closed`."""
        self._check()
        self._closed = True
        if self._later is not None:
            self._later.cancel()
        self._engine.close(encode({"index": self.name}))

    async def _ask(
        self,
        method: Callable[[bytes], bytes],
        request: Request,
        decode: Callable[[bytes], dict[str, Any]] = json.loads,
        pause: Pause = at_once,
    ) -> dict[str, Any]:
        """Call the engine, fetch the ranges it lacks, and call again until it answers; `decode` makes sense of its reply. Each call waits for `pause`."""
        payload = encode(request)
        lacked = None
        for _ in range(MAX_ROUNDS):
            await pause()
            self._check()
            answer = decode(method(payload))
            needs = answer.get("need")
            if not needs:
                return answer
            if needs == lacked:
                break
            lacked = needs
            ranges = [(need["file"], need["offset"], need["length"]) for need in needs]
            read = await (self.keeper.read_ranges(ranges) if self.keeper is not None else read_ranges(self._store, ranges))
            for (file, offset, _length), data in zip(ranges, read, strict=True):
                self._engine.provide(file, offset, data)
        raise StorageError(
            f"{self.src!r} did not give the bytes that were asked for; the file may have changed, open it again", need=lacked
        )

    def _check(self) -> None:
        if self._closed:
            raise Closed(f"the collection {self.name!r} has been closed; open it again", collection=self.name)


def _is_of(record: dict[str, Any], document: Document) -> bool:
    """Whether a record was made from just this document."""
    # As JSON: True is no 1 there, and 1 no 1.0.
    kept = {key: value for key, value in record.items() if key != "spans"}
    return json.dumps(kept, sort_keys=True) == json.dumps(document.record([]), sort_keys=True)


def _file_or_need(reply: bytes) -> dict[str, Any]:
    """The reply of `dump` or `publish`: files, which never begin with a brace, or a need."""
    if reply[0] != ord("{"):
        return {"file": reply}
    need: dict[str, Any] = json.loads(reply)
    return need
