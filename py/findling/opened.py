"""Collections for Python programs: `findling.open` and what it gives, without `await`.

Owns the loop that the application runs on, and where a collection is written back to. Must not know how anything is found.
Invariant: what a call answers has happened when it returns; a collection is used by one caller at a time.
"""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from findling import installed, published, segments
from findling.app import App
from findling.collection import Found
from findling.commits import Shelf
from findling.documents import Document
from findling.engine import Engine, inspect
from findling.errors import BadRequest, Closed, from_object
from findling.remote import HttpStore
from findling.store import FolderStore, MemoryStore, Store

NAME = "collection"
Answer = TypeVar("Answer")


def open(
    target: str | Path | None = None,
    *,
    keep: bool = False,
    model: str | Path | None = None,
    pieces: str | Path | None = None,
    engine: Engine | None = None,
) -> "OpenCollection":
    """The collection at `target`: an index file, the folder of a published collection, or the address of either; an empty one without.

    What lies on this machine is read whole, is searched exactly and can be changed; what lies at an address is read in pieces,
    as queries need them. keep: `target` is a folder of the program's own, new or with what was kept there before, and every change is
    stored as it happens, old or new after a crash (docs/guide/keeping.md). model, pieces: a file or an address, in place of those that are installed; engine: one that has them
    already. Raises `BadRequest` for a folder that cannot be kept, `NotFound` where nothing is at `target`, or no model is there; `BadFormat`, `WrongVersion` or `WrongDigest`
    for what is no collection or is damaged; `NetworkError`.

        with findling.open("notes.findling") as notes:
            for hit in notes.search("what did we decide about storage").hits:
                print(hit.score, hit.document.title)
    """
    if keep and (target is None or urlsplit(str(target)).scheme in ("http", "https")):
        raise BadRequest("a collection is kept in a folder of this machine; name one")
    store, name = (MemoryStore(), None) if target is None or keep else published.located(str(target))
    made = installed.engine(model, pieces) if engine is None else engine
    path = Path(target) if target is not None and (keep or isinstance(store, FolderStore)) else None
    return OpenCollection(made, store, name, path, keep=keep)


class OpenCollection:
    """One open collection. Close it, or use it in a `with` block; what was neither saved nor kept is forgotten then."""

    def __init__(self, engine: Engine, store: Store, src: str | None, path: Path | None, *, keep: bool = False) -> None:
        self._runner: _Runner | None = _ByHand() if sys.platform == "emscripten" else _Thread()
        self._path = path
        place = path.resolve() if keep and path is not None else None
        self._name = place.name if place is not None else NAME
        kept = FolderStore(place.parent) if place is not None else None
        self._app = App(engine, store, whole=not isinstance(store, HttpStore), calibrate=True, keep=kept)
        self._store = store
        self._state: dict[str, Any] = {}
        try:
            self._state = self._run(self._app.open(self._name, src, keep))
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> "OpenCollection":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        """How many documents there are."""
        return int(self._state["documents"])

    @property
    def meta(self) -> dict[str, Any]:
        """What the collection says of itself, such as `title` and `licence`."""
        return dict(self._state["meta"])

    @property
    def fields(self) -> list[str]:
        """The names of what documents can be filtered by."""
        return list(self._state["values"])

    @property
    def saved(self) -> bool | None:
        """Of a collection that was opened with `keep`, whether all of it is stored; None of any other."""
        return self._state.get("saved")

    def search(self, query: str = "", **wished: Any) -> Found:
        """The best documents for a query: `hits`, best first, each with `score` (higher is better), `document`, `snippet` and `place`.

        wished: limit (10), offset, cursor, legs ("both", "meaning", "words"), like (an id instead of a query), filter, facets, sort,
        correct (True), encoder ("auto"), explain (False), as `App.search` takes them. Raises `BadRequest` for what cannot be
        asked, `NotFound` for an unknown `like`, `Closed`.
        """
        return self._run(self._app.find(self._name, query, **wished))

    def search_all(self, queries: Sequence[str], **wished: Any) -> list[Found]:
        """What `search` finds for each of many queries, in their order; embedded together, on all cores. Hits have no marked snippets."""
        return self._run(self._app.find_all(self._name, list(queries), **wished))

    def add(self, documents: Iterable[Document | dict[str, Any]] = (), *, files: Iterable[str | Path] = ()) -> dict[str, Any]:
        """Add documents, or the files and folders that are named; a document with a known id replaces that one.

        Answers how many were `added`, `replaced` and `unchanged`, and which were `skipped`, each with `name`, `code` and
        `reason`: a document or file that cannot be used keeps none of the others out. Raises `NotFound` for a file that is not
        there, `NotReady` without a model, `Closed`.
        """
        given = [_fields(document) for document in documents]
        answer = self._run(self._app.add(self._name, documents=given)) if given else {}
        named = [Path(file) for file in files]
        if named:
            from findling.sources import Sources

            sources = Sources(named, self._path or Path())
            read = self._run(self._app.add(self._name, files=sources.files()))
            read["skipped"] = sources.skipped + read["skipped"]
            answer = {**read, **{key: answer[key] + read[key] for key in ("added", "replaced", "unchanged", "skipped")}} if answer else read
        self._refresh()
        return answer or {"added": 0, "replaced": 0, "unchanged": 0, "skipped": [], "documents": len(self)}

    def remove(self, ids: Iterable[str]) -> int:
        """Remove documents by id; answers how many there were. Raises `Closed`."""
        removed = self._run(self._app.remove(self._name, list(ids)))["removed"]
        self._refresh()
        return int(removed)

    def commit(self) -> None:
        """Store what is not stored yet of a collection that was opened with `keep`; every change does this by itself.

        Raises the error, mostly `StorageError`, for which it could not be stored; it is all in memory then, and can be tried again.
        """
        self._state = self._run(self._app.commit(self._name))
        if fault := self._state.get("fault"):
            raise from_object(**fault)

    def save(self, path: str | Path | None = None, *, fresh: bool = False) -> Path:
        """Write the whole collection where it was opened, or to `path`: one file where that ends in `.findling`, else the folder of a published collection.

        It is there whole when this returns, and the old one is whole until then. In the folder it was opened from only what changed is
        written, behind what is there, as a second `findling build` does; all of it is where that would be more than a tenth of the documents,
        anywhere else, and with `fresh`: which scores are good ones is learned anew then. A
        collection that was opened with `keep` is brought up to date where it lies, as by `commit`. Answers the path. Raises
        `BadRequest` where no path is known, `StorageError` where it cannot be written; the old one stays then.
        """
        out = Path(path) if path is not None else self._path
        if out is None:
            raise BadRequest("this collection was opened from nowhere that can be written; say where to: save(path)")
        if self.saved is not None and self._path is not None and out.resolve() == self._path.resolve():
            self.commit()
            return self._path
        if out.suffix == segments.SUFFIX:
            self._run(FolderStore(out.parent).write(out.name, self.to_bytes()))
        elif fresh or not self._run(self._app.update(self._name, Shelf(FolderStore(out), "", inspect))):
            self._run(published.write(out, published.files(self._run(self._app.publish(self._name)))))
        if self.saved is None:
            self._path = out
        return out

    def to_bytes(self) -> bytes:
        """The collection as the bytes of one index file. Raises `Closed`."""
        return bytes(self._run(self._app.save(self._name))["bytes"])

    def close(self) -> None:
        """Forget the collection; it may be said more than once. Of one that is kept, what is not stored yet is stored first.

        Raises the error for which that could not be done; it is closed all the same.
        """
        if self._runner is None:
            return
        try:
            fault = self._run(self._app.close(self._name)).get("fault")
        finally:
            self._end()
        if fault:
            raise from_object(**fault)

    def _end(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        if isinstance(self._store, HttpStore):
            self._store.close()

    def _refresh(self) -> None:
        self._state = self._run(self._app.open(self._name))

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._runner is None:
            work.close()
            raise Closed("this collection was closed; open it again")
        return self._runner.run(work)


def _fields(document: Document | dict[str, Any]) -> dict[str, Any]:
    """A document as an object of fields."""
    if isinstance(document, dict):
        return document
    record = document.record([])
    return {"id": document.id, **{key: value for key, value in record.items() if key != "meta"}, **document.meta}


class _Runner(Protocol):
    """Runs one coroutine after the other."""

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer: ...

    def close(self) -> None: ...


class _Thread:
    """A loop on a thread of its own, so that callers may have a loop themselves, as in a notebook."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="findling", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # Whoever is interrupted here does not want the rest of it either.
            future.cancel()
            raise

    def close(self) -> None:
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _ByHand(asyncio.BaseEventLoop):
    """A loop for hosts without threads and sockets, such as Pyodide: everything that is waited for is work that is ready."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        outer = asyncio.events._get_running_loop()
        # Whoever calls may be a task of another loop; for asyncio it rests meanwhile, as it does in fact.
        task = None if outer is None else asyncio.current_task(outer)
        if outer is not None and task is not None:
            asyncio.tasks._leave_task(outer, task)
        asyncio.events._set_running_loop(None)
        try:
            return self.run_until_complete(work)
        finally:
            asyncio.events._set_running_loop(outer)
            if outer is not None and task is not None:
                asyncio.tasks._enter_task(outer, task)

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Closed("what is waited for cannot come where there are neither threads nor sockets")
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass
