"""The App inside a web worker: the only importer of Pyodide.

Owns the adapting of three JavaScript objects (engine, store, post) and of the pool behind the store to what the App expects, and of each message to
plain Python. Must not decide anything. Invariant: no proxy outlives the call it was made for, except those handed to
`start` and a session of the pool; bytes of an index and vectors of the pool never pass through Python's memory.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from js import JSON
from pyodide.ffi import JsException, JsProxy, jsnull, to_js

from findling.app import App
from findling.engine import BoundEngine
from findling.errors import FindlingError, from_exception, from_object


class _BrowserStore:
    """A Store over the worker's: `read` gives a Uint8Array, which goes on to the engine as it is."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def read(self, file: str, offset: int, length: int) -> Any:
        try:
            return await self._store.read(file, offset, length)
        except JsException as error:
            raise _converted(error) from None

    async def size(self, file: str) -> int:
        try:
            return int(await self._store.size(file))
        except JsException as error:
            raise _converted(error) from None

    async def encoder(self, name: str) -> None:
        try:
            await self._store.encoder(name)
        except JsException as error:
            raise _converted(error) from None


class _Bytes:
    """A Uint8Array that stays on the other side: slices of it too, and Python's memory sees only what is asked for as bytes."""

    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy

    def __len__(self) -> int:
        return int(self.proxy.length)

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, int):
            return int(self.proxy.at(place))
        start, stop, _ = place.indices(len(self))
        return _Bytes(self.proxy.subarray(start, stop))

    def __bytes__(self) -> bytes:
        data: bytes = self.proxy.to_bytes()
        return data

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(bytes(self))


class _Keep:
    """A Store over the browser's own storage, where one worker of all tabs may write a collection."""

    def __init__(self, keep: Any) -> None:
        self._keep = keep

    async def read(self, file: str, offset: int, length: int) -> _Bytes:
        return (await self.read_parts(file, [(offset, length)]))[0]

    async def read_parts(self, file: str, parts: Sequence[tuple[int, int]]) -> list[_Bytes]:
        return [_Bytes(data) for data in await self._asked("readRanges", file, to_js(parts))]

    async def size(self, file: str) -> int:
        return int(await self._asked("size", file))

    async def write(self, file: str, data: Any) -> None:
        await self._asked("write", file, _across(data))

    async def remove(self, file: str) -> None:
        await self._asked("remove", file)

    async def names(self, prefix: str = "") -> list[str]:
        return list(_plain(await self._asked("names", prefix)))

    async def claim(self, collection: str) -> bool:
        """Whether this worker is the one that writes the collection; it is until it ends or lets go."""
        return bool(await self._asked("claim", collection))

    async def release(self, collection: str) -> None:
        await self._asked("release", collection)

    async def _asked(self, method: str, *arguments: Any) -> Any:
        try:
            return await getattr(self._keep, method)(*arguments)
        except JsException as error:
            raise _converted(error) from None


class _BrowserSession:
    """A Session over one of the pool's: texts go over as an array, vectors stay on the other side."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def embed(self, texts: list[str]) -> Any:
        vectors = await self._session.embed(to_js(texts))
        return vectors if isinstance(vectors, JsProxy) else None

    def end(self) -> None:
        self._session.end()


def start(engine: Any, store: Any, post: Callable[[Any], None]) -> Callable[[Any], None]:
    """The function that takes each message of the page; answers go out through `post`.

    engine: a wasm class `Engine`, with its model loaded now or later. store: an object with `read(file, offset, length)`
    and `size(file)`, which give promises, `pause()`, a promise that is kept after the worker's queue had its turn,
    `prepare(package)`, one that is kept once a reader's package can be imported, `encoder(name)`, one that is kept when the engine has
    what that encoder needs, `keep` with `readRanges`, `size`, `write`, `remove`, `names`, `claim` and `release`, `inspect(bytes)`,
    which tells what the header of a file says, `status()`, an object with `source`, `storage`, `pool` and `received_bytes`, and
    `share()`, a session of the pool or null.
    """

    def host() -> dict[str, Any]:
        status = _plain(store.status())
        return {key: status.get(key) for key in ("source", "storage", "pool", "received_bytes")}

    def share() -> _BrowserSession | None:
        session = store.share()
        return _BrowserSession(session) if isinstance(session, JsProxy) else None

    async def pause() -> None:
        await store.pause()

    async def prepare(package: str) -> None:
        try:
            await store.prepare(package)
        except JsException as error:
            raise _converted(error) from None

    def send(message: dict[str, Any]) -> None:
        # Only `save` and `export` carry bytes. All else goes as JSON, which keeps null, and as ASCII, which crosses fastest;
        # `default`, because an answer must not fail here.
        result = message.get("result", {})
        if isinstance(result.get("bytes"), bytes | _Bytes):
            post(to_js({**message, "result": {**result, "bytes": _across(result["bytes"])}}))
        else:
            post(JSON.parse(json.dumps(message, default=str)))

    files = _BrowserStore(store)
    def inspect(container: Any) -> dict[str, Any]:
        try:
            header: dict[str, Any] = json.loads(store.inspect(_across(container)).to_bytes())
        except JsException as error:
            raise _converted(error) from None
        return header

    keep = _Keep(store.keep)
    app = App(_bound(engine), files, pause=pause, host=host, share=share, prepare=prepare, encoder=files.encoder, keep=keep, inspect=inspect)
    running: set[asyncio.Task[None]] = set()

    def handle(message: Any) -> None:
        """Answer a message; returns at once."""
        # The loop itself keeps only weak references to its tasks.
        task = asyncio.ensure_future(app.answer(_plain(message), send))
        running.add(task)
        task.add_done_callback(running.discard)

    return handle


def _bound(engine: Any) -> BoundEngine:
    def call(method: str, *arguments: Any) -> Any:
        try:
            reply = getattr(engine, method)(*map(_across, arguments))
        except JsException as error:
            raise _converted(error) from None
        if not isinstance(reply, JsProxy):
            return reply
        # The files of a collection stay on the other side; a need is read here.
        return _Bytes(reply) if method in ("dump", "publish", "commit") and reply[0] != ord("{") else reply.to_bytes()

    return BoundEngine(call)


def _across(value: Any) -> Any:
    """Bytes as JavaScript takes them."""
    if isinstance(value, _Bytes):
        return value.proxy
    return to_js(value) if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    """A JavaScript value as Python's own: objects, arrays and bytes copied, null and undefined as None."""
    return _without_null(value.to_py()) if isinstance(value, JsProxy) else _without_null(value)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    return None if value is jsnull else value


def _converted(error: JsException) -> FindlingError:
    """An Error of JavaScript as one of ours: its code and detail where it has them, else `bug`."""
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        return from_exception(RuntimeError(str(error)))
    detail = _plain(getattr(error, "detail", None))
    return from_object(code, str(error.message), detail if isinstance(detail, dict) else None)
