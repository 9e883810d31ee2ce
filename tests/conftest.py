"""What the app tests stand on: an event loop without sockets, the reference engine and a store in memory.

Must not read files, so that the same tests run inside Pyodide. Invariant: nothing here waits; a test that would wait
for ever fails at once.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from findling.app import App
from findling.reference import ReferenceEngine
from findling.store import MemoryStore


class _Loop(asyncio.BaseEventLoop):
    """Runs callbacks in order; has no selector, because browsers have none."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self

    def select(self, timeout: float | None) -> list[Any]:
        assert timeout is not None, "every task waits for another one"
        return []

    def _process_events(self, events: list[Any]) -> None:
        pass


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine; works where a loop is said to be running already, as in Pyodide."""
    outer = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    loop = _Loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
        asyncio.events._set_running_loop(outer)


@pytest.fixture(name="run")
def run_fixture() -> Any:
    return run


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def app(store: MemoryStore) -> App:
    return App(ReferenceEngine.with_hashed_words(), store, clock=lambda: 0.0)
