"""The engines that the contract is held against, and the small model they all load.

Owns how each backend is started. Must not know what is asked of them. Invariant: all embed with the same model file,
and a backend that has not been built is a failure.
"""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from findling.engine import Engine, encode, load
from findling.model import convert
from findling.reference import ReferenceEngine

ROOT = Path(__file__).parents[2]
TIERS = ROOT / ".cache/engine"
RUST = ("native", "wasm-relaxed", "wasm-simd", "wasm-scalar", "js")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model of 128 dimensions and two layers with random weights: small enough for the slowest backend."""
    families = _module(ROOT / "tests/model/families.py")
    folder = families.write_folder(tmp_path_factory.mktemp("tiny"), families.TINY)
    return convert(folder, calibration=["a small boat floats on calm water", "the keeper sings"])


@pytest.fixture(scope="session")
def native(model: bytes) -> Engine:
    engine = load()
    engine.load_model(model)
    return engine


def _reference(model: bytes, native: Engine) -> Engine:
    """The reference, given the native engine's vectors: what is compared is all that comes after them."""
    meta = json.loads(load().load_model(model))

    def embed(texts: list[str], kind: str) -> Any:
        return np.frombuffer(native.embed(encode({"texts": texts, "kind": kind})), "<f4").reshape(len(texts), -1)

    return ReferenceEngine(embed, name=meta["name"], space=meta["space"], dim=meta["dim"])


@pytest.fixture(scope="session", params=("reference", *RUST))
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def engine(backend: str, model: bytes, native: Engine) -> Iterator[Engine]:
    """One engine for all cases of a backend; each case opens an index of its own."""
    if backend == "reference":
        yield _reference(model, native)
    elif backend == "native":
        started = load()
        started.load_model(model)
        yield started
    else:
        node = _module(Path(__file__).parent / "node_engine.py")
        process = node.NodeProcess(TIERS, backend)
        process.engine.load_model(model)
        yield process.engine
        process.close()


@pytest.fixture(scope="session")
def reference(model: bytes, native: Engine) -> Engine:
    return _reference(model, native)
