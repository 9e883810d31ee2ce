"""A collection: documents that are searched together, kept in one index of an engine.

Owns the way from documents to passages to the engine and back to hits, and the loop that fetches what an engine lacks.
Must not know messages, files' formats or who asks. Invariant: what an add has reported as added is searchable, also
when a later slice fails or is cancelled.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from findling import passages
from findling.documents import Document, Hit
from findling.engine import Engine, Request, encode
from findling.errors import Closed, FindlingError, StorageError
from findling.query import plan
from findling.store import Store

SLICE_WORDS = 400
"""How much is embedded before others get their turn, until it is known how long that takes."""
SLICE_S = 0.15
"""How long others wait for their turn at most, if documents are short enough to be told apart."""
SLICE_WORDS_MIN, SLICE_WORDS_MAX = 20, 4_000
SHARED_WORDS = 4_000
"""An import of so many words is shared out: one worker takes a second for it, and others need half of that to start."""
AHEAD_WORDS = 24 * SLICE_WORDS
"""How much is out to be embedded while the first of it is waited for: enough for three slices each of eight workers."""
QUERIES_TOGETHER = 256
"""How many queries of a file are embedded in one go: enough for all cores."""
MAX_ROUNDS = 1_000
"""An engine that asks more often than this for one answer will never be content."""

Pause = Callable[[], Awaitable[None]]


class Session(Protocol):
    """Whoever embeds for one import beside the engine, with the same model (in a browser: web/pool.js)."""

    def embed(self, texts: list[str]) -> Awaitable[Any]:
        """The vectors of passages as `Engine.add_vectors` takes them; None when there are none, and the engine has to embed."""

    def end(self) -> None:
        """Nothing more is wanted; what is under way is answered with None. It may be said more than once."""


Share = Callable[[], Session | None]


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
        self._opening: asyncio.Future[None] | None = None

    async def open(self) -> dict[str, Any]:
        """Open the stored index at `src`, or an empty one that will say `meta` of itself; answers `state()`.

        Whoever calls while it is being opened waits for the same opening.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        await self._opening
        return self.state()

    async def _open(self) -> None:
        request: Request = {"index": self.name}
        if self.src is not None:
            request |= {"file": self.src, "length": await self._store.size(self.src), "whole": self._whole}
        opened = await self._ask(self._engine.open, request)
        self._meta |= opened.get("meta") or {}
        self._names = opened.get("values")
        self._counts = {key: opened[key] for key in ("documents", "passages")}

    def state(self) -> dict[str, Any]:
        """Name, number of documents and passages, what the stored index says of itself, what documents can be filtered by, and whether it is read in pieces."""
        self._check()
        # A published collection is read in pieces: it is no index, and what it holds was said when it was opened.
        index = json.loads(self._engine.status())["indexes"].get(self.name)
        counts = index or self._counts
        return {
            "collection": self.name,
            "documents": counts["documents"],
            "passages": counts["passages"],
            "meta": self._meta,
            "values": self._values(),
            **({} if index else {"lazy": True}),
        }

    async def add(
        self,
        documents: Sequence[Document],
        *,
        pause: Pause,
        progress: Callable[[int], None] = lambda done: None,
        cancelled: Callable[[], bool] = lambda: False,
        on_cancel: Callable[[Callable[[], None]], None] = lambda act: None,
    ) -> dict[str, Any]:
        """Add documents slice by slice; a document with a known id replaces the old one.

        Answers added, replaced, `done` (how many of `documents`, from the front, were taken in) and `failed`, a list
        of (document, error) for those that the engine refused. Cancelled, it ends after the slice at hand; `on_cancel`
        takes what is to be done at once then, so that nobody waits for vectors that are not wanted any more.
        """
        added = replaced = done = 0
        failed: list[tuple[Document, FindlingError]] = []
        session = self._session(documents)
        slices = _Slices(documents, session)
        if session is not None:
            on_cancel(session.end)
        try:
            while (slice_ := await slices.next()) is not None and not cancelled():
                began = self._clock()
                counts, refused = await self._add_slice(slice_)
                slices.took(self._clock() - began, slice_)
                added += counts[0]
                replaced += counts[1]
                failed += refused
                done += len(slice_.documents)
                progress(done)
                await pause()
        finally:
            if session is not None:
                session.end()
        return {"added": added, "replaced": replaced, "done": done, "failed": failed}

    def _session(self, documents: Sequence[Document]) -> Session | None:
        """Help for an import that is large enough to be worth it, once there is a model."""
        if self._share is None or sum(map(_words, documents)) < SHARED_WORDS or self._space() is None:
            return None
        return self._share()

    def _space(self) -> str | None:
        model = json.loads(self._engine.status())["model"]
        return model and str(model["space"])

    async def _add_slice(self, slice_: "_Slice") -> tuple[tuple[int, int], list[tuple[Document, FindlingError]]]:
        """Add a slice; where the engine refuses it for one document's sake, each of its documents by itself."""
        request: Request = {"index": self.name, "documents": slice_.entries}
        self._names = None
        try:
            if slice_.vectors is None:
                counts = await self._ask(self._engine.add, request)
            else:
                request["space"] = self._space()
                counts = await self._ask(lambda payload: self._engine.add_vectors(payload, slice_.vectors), request)
            return (counts["added"], counts["replaced"]), []
        except FindlingError as error:
            if error.code != "bad_input":
                raise
            if len(slice_.documents) == 1:
                return (0, 0), [(slice_.documents[0], error)]
        added = replaced = 0
        failed = []
        for document in slice_.documents:
            counts_of_one, refused = await self._add_slice(_slice([document]))
            added += counts_of_one[0]
            replaced += counts_of_one[1]
            failed += refused
        return (added, replaced), failed

    async def remove(self, ids: list[str]) -> int:
        """Remove documents; answers how many there were."""
        self._names = None
        removed: int = (await self._ask(self._engine.remove, {"index": self.name, "ids": ids}))["removed"]
        return removed

    async def search(self, query: str, **wished: Any) -> "Found":
        """The best documents for a query, best first; none for a query with nothing in it. `wished`: see `query.plan`."""
        self._check()
        return await self._found(plan(query, index=self.name, known=self._values(), **wished), shown=True)

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
        by_model = wished.get("encoder") != "static" and self._space() is not None
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
        dim, space = len(rows) // len(texts), self._space()
        return [{"vector": rows[at * dim : (at + 1) * dim].tolist(), "space": space} for at in range(len(texts))]

    async def _found(self, request: Request | None, shown: bool = False) -> "Found":
        """What a plan finds; `shown` makes the pieces that a person sees, which a run of many queries has no use for."""
        if request is None:
            return Found([])
        answer = await self._ask(self._engine.search, request)
        told = {key: answer[key] for key in ("total", "exact", "facets", "corrections", "encoder", "close", "cursor") if key in answer}
        if not shown:
            return Found([Hit.from_answer(hit) for hit in answer["hits"]], **told)
        pieces = self._shown(request, answer)
        return Found([Hit.from_answer(hit, each) for hit, each in zip(answer["hits"], pieces, strict=True)], **told)

    def _values(self) -> list[str]:
        """The names of what the documents can be filtered by, asked for once between two changes of the documents."""
        if self._names is None:
            self._names = json.loads(self._engine.status())["indexes"].get(self.name, {}).get("values", [])
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

    async def _written(self, method: Callable[[bytes], bytes], calibrate: bool) -> Any:
        request: Request = {"index": self.name, "meta": self._meta, **({"calibrate": True} if calibrate else {})}
        return (await self._ask(method, request, _file_or_need))["file"]

    def close(self) -> None:
        """Forget the collection; later requests, and slices of an add under way, raise `Closed`."""
        self._check()
        self._closed = True
        self._engine.close(encode({"index": self.name}))

    async def _ask(
        self,
        method: Callable[[bytes], bytes],
        request: Request,
        decode: Callable[[bytes], dict[str, Any]] = json.loads,
    ) -> dict[str, Any]:
        """Call the engine, fetch the ranges it lacks, and call again until it answers; `decode` makes sense of its reply."""
        payload = encode(request)
        lacked = None
        for _ in range(MAX_ROUNDS):
            self._check()
            answer = decode(method(payload))
            needs = answer.get("need")
            if not needs:
                return answer
            if needs == lacked:
                break
            lacked = needs
            ranges = [(need["file"], need["offset"], need["length"]) for need in needs]
            read = await asyncio.gather(*(self._store.read(*each) for each in ranges))
            for (file, offset, _length), data in zip(ranges, read, strict=True):
                self._engine.provide(file, offset, data)
        raise StorageError(
            f"{self.src!r} did not give the bytes that were asked for; the file may have changed, open it again", need=lacked
        )

    def _check(self) -> None:
        if self._closed:
            raise Closed(f"the collection {self.name!r} has been closed; open it again", collection=self.name)


def _file_or_need(reply: bytes) -> dict[str, Any]:
    """The reply of `dump` or `publish`: files, which never begin with a brace, or a need."""
    if reply[0] != ord("{"):
        return {"file": reply}
    need: dict[str, Any] = json.loads(reply)
    return need


@dataclass(slots=True)
class _Slice:
    """Documents that are added in one go: what the engine is given for them, and their vectors where others embedded them."""

    documents: list[Document]
    entries: list[dict[str, Any]]
    words: int
    vectors: Any = None


class _Slices:
    """The slices of an import in order; with a session, those to come are embedded while the first is waited for."""

    def __init__(self, documents: Sequence[Document], session: Session | None) -> None:
        self._session = session
        self._documents = deque(documents)
        self._ahead: deque[tuple[_Slice, asyncio.Future[Any]]] = deque()
        self._words = SLICE_WORDS

    async def next(self) -> _Slice | None:
        """The next slice, with its vectors where there are any; None after the last."""
        if self._session is None:
            return self._cut()
        out = sum(slice_.words for slice_, _ in self._ahead)
        while out < AHEAD_WORDS and (fresh := self._cut()):
            texts = [text for entry in fresh.entries for text in entry["passages"]]
            self._ahead.append((fresh, asyncio.ensure_future(self._session.embed(texts))))
            out += fresh.words
        if not self._ahead:
            return None
        slice_, vectors = self._ahead.popleft()
        slice_.vectors = await vectors
        return slice_

    def took(self, seconds: float, slice_: _Slice) -> None:
        """How long the engine was busy with a slice it embedded itself: those to come are cut to take `SLICE_S`."""
        if self._session is None and seconds > 0:
            # Half and twice: one slice that was disturbed does not decide about the next.
            fitting = round(slice_.words * SLICE_S / seconds)
            fitting = min(max(fitting, self._words // 2), self._words * 2)
            self._words = min(max(fitting, SLICE_WORDS_MIN), SLICE_WORDS_MAX)

    def _cut(self) -> _Slice | None:
        """The next documents, of about as many words as a slice has now."""
        taken: list[Document] = []
        words = 0
        while self._documents and words < self._words:
            taken.append(self._documents.popleft())
            words += _words(taken[-1])
        return _slice(taken, words) if taken else None


def _slice(documents: list[Document], words: int = 0) -> _Slice:
    # By id: of two documents with one id the later one counts, in its own place, as if they had come in two slices.
    entries: dict[str, dict[str, Any]] = {}
    for document in documents:
        pieces = passages.cut(document)
        entries.pop(document.id, None)
        entries[document.id] = {
            "id": document.id,
            "fields": document.fields(),
            "values": document.values(),
            "passages": [piece.embedded for piece in pieces],
            "record": document.record([(piece.start, piece.end) for piece in pieces]),
            **({"language": document.language} if document.language else {}),
        }
    return _Slice(documents, list(entries.values()), words)


def _words(document: Document) -> int:
    """About how many words are embedded for a document."""
    # An overlap of a third on top, and the title in front; six letters and a blank stand for a word.
    return 8 + len(document.text) // 5
