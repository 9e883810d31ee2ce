"""The engines that the contract is held against.

Owns how each backend is started. Must not know what is asked of them. Invariant: all embed with the same model file,
and a backend that has not been built is a failure.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from findling import engine as findling_engine
from findling.engine import Engine, encode, load
from findling.reference import ReferenceEngine, Shorten
from hosts import HOST, start

ROOT = Path(__file__).parents[2]
TIERS = Path(os.environ.get("FINDLING_ENGINE") or ROOT / ".cache/engine")
IN_JAVASCRIPT = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
RUST = ("native", *IN_JAVASCRIPT) if HOST == "node" else IN_JAVASCRIPT
ALL = ("reference", *RUST) if HOST == "node" else IN_JAVASCRIPT
"""What is no tier is held against the contract once, beside Node."""


@pytest.fixture(scope="session")
def native(model: bytes) -> Engine:
    engine = load()
    engine.load_model(model)
    return engine


def reference_of(model: bytes, native: Engine, shorten: Shorten | None = None) -> Engine:
    """The reference, given the native engine's vectors and tokens, and a way to shorten vectors: what is compared is all that comes after them."""
    meta = json.loads(load().load_model(model))

    def embed(texts: list[str], kind: str) -> Any:
        return np.frombuffer(native.embed(encode({"texts": texts, "kind": kind})), "<f4").reshape(len(texts), -1)

    @cache
    def analyse(text: str, language: str | None) -> Any:
        return findling_engine.analyse(text, language)

    @cache
    def knows(form: str) -> bool:
        # The start, one piece, the end.
        return len(json.loads(native.tokenize(encode({"text": form, "kind": None, "max_tokens": None})))["ids"]) == 3

    return ReferenceEngine(embed, name=meta["name"], space=meta["space"], dim=meta["dim"], analyse=analyse, knows=knows, shorten=shorten)


@pytest.fixture(scope="session", params=ALL)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def engine(backend: str, model: bytes, native: Engine) -> Iterator[Engine]:
    """One engine for all cases of a backend; each case opens an index of its own."""
    if backend == "reference":
        yield reference_of(model, native)
    elif backend == "native":
        started = load()
        started.load_model(model)
        yield started
    else:
        process = start(TIERS, backend)
        process.engine.load_model(model)
        yield process.engine
        process.close()


@pytest.fixture(scope="session")
def reference(model: bytes, native: Engine) -> Engine:
    return reference_of(model, native)


@pytest.fixture(scope="session", params=RUST)
def free(request: pytest.FixtureRequest) -> Iterator[Callable[..., bytes]]:
    """The free functions by name, on each backend; they need no model."""
    if request.param == "native":
        yield findling_engine._free
    else:
        process = start(TIERS, request.param)
        yield process.call
        process.close()


@pytest.fixture(scope="session")
def compute(free: Callable[..., bytes]) -> Callable[[dict[str, Any], bytes], bytes]:
    """The free function of the same name, on each backend."""
    return lambda asked, payload: free("compute", encode(asked), payload)
