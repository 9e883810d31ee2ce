"""The App inside a web worker: the only importer of Pyodide.

Owns the adapting of three JavaScript objects (engine, store, post) and of the pool behind the store to what the App expects, and of each message to
plain Python. Must not decide anything. Invariant: no proxy outlives the call it was made for, except those handed to
`start` and a session of the pool; bytes of an index and vectors of the pool never pass through Python's memory.
"""

import asyncio
import json
from collections.abc import Callable
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
    what that encoder needs, `status()`, an object with `source`, `storage`, `pool` and `received_bytes`, and `share()`, a session of
    the pool or null.
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
        # Only `save` and `export` carry bytes. All else goes as JSON, which keeps null, and as ASCII, which crosses fastest; `default`,
        # because an answer must not fail here.
        if "bytes" in message.get("result", {}):
            post(to_js(message))
        else:
            post(JSON.parse(json.dumps(message, default=str)))

    files = _BrowserStore(store)
    app = App(_bound(engine), files, pause=pause, host=host, share=share, prepare=prepare, encoder=files.encoder)
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
        carried = [to_js(argument) if isinstance(argument, bytes) else argument for argument in arguments]
        try:
            reply = getattr(engine, method)(*carried)
        except JsException as error:
            raise _converted(error) from None
        if not isinstance(reply, JsProxy) or (method in ("dump", "publish") and reply[0] != ord("{")):
            return reply
        return reply.to_bytes()

    return BoundEngine(call)


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
