"""What tests stand on: an event loop without sockets, the reference engine, a store in memory, a small model.

Importing this must not need the native engine, so that the app's tests run inside Pyodide. Invariant: nothing here
waits; a test that would wait for ever fails at once.
"""

import asyncio
import importlib.util
from collections.abc import Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from findling.app import App
from findling.reference import ReferenceEngine
from findling.reference_segments import inspect
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
def app(store: MemoryStore, kept: MemoryStore) -> App:
    return App(ReferenceEngine.with_hashed_words(), store, clock=lambda: 0.0, keep=kept, inspect=inspect)


@pytest.fixture
def kept() -> MemoryStore:
    """Where the app keeps collections."""
    return MemoryStore()


def module_at(path: Path) -> ModuleType:
    """A module of another test folder; those are no packages."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model file of 128 dimensions and two layers with random weights: small enough for the slowest backend."""
    from findling.model import convert

    families = module_at(Path(__file__).parent / "model/families.py")
    folder = families.write_folder(tmp_path_factory.mktemp("tiny"), families.TINY)
    return convert(folder, calibration=["a small boat floats on calm water", "the keeper sings"])


@pytest.fixture(scope="session")
def pieces(model: bytes) -> bytes:
    """A piece table for that model, trained on a few hundred parts of sentences."""
    from findling.model import calibration_texts
    from findling.pieces import train

    words = [text.split() for text in calibration_texts()]
    return train(model, [" ".join(each[start : start + 5]) for each in words for start in (0, 4) if each[start : start + 5]])
