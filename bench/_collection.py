"""Collections embedded once by the native engine, their vectors kept in the cache, and built from these by the command line.

Owns where vectors are kept. Must not know what is measured with them. Invariant: vectors belong to the model file whose
digest their name carries, and to the texts they were made of.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _report import MODEL, ROOT, lines, say
from numpy.typing import NDArray

from findling import cli, engine, installed
from findling.documents import from_fields
from findling.passages import cut

TABLE = Path(os.environ.get("FINDLING_PIECES", MODEL.with_suffix(".pieces")))
CACHE = ROOT / ".cache" / "bench"
PASSAGES = CACHE / "relevance"
"""Where the vectors of passages are kept."""
MAX_TOKENS = 128
BATCH = 256

Vectors = NDArray[np.float32]


def embedded(name: str) -> Vectors:
    """One unit vector for each line of NAME.jsonl.gz, title and text, [documents, dim], in the order of the lines."""
    texts = [f"{entry['title']}. {entry['text']}" for entry in map(json.loads, lines(f"{name}.jsonl.gz"))]
    return _kept(CACHE / f"{name}-{_digest(MODEL)}.npy", name, texts, MAX_TOKENS)


def passages(name: str, source: Path) -> dict[str, Vectors]:
    """The vector of every passage of a file of JSON lines, by its text."""
    with source.open(encoding="utf-8") as file:
        texts = list(dict.fromkeys(passage.embedded for line in file for passage in cut(from_fields(json.loads(line), ""))))
    digest = hashlib.sha256(MODEL.read_bytes())
    digest.update(json.dumps(texts).encode())
    kept = _kept(PASSAGES / f"{name}-{digest.hexdigest()[:16]}.npy", name, texts, None)
    return dict(zip(texts, kept, strict=True))


class Remembering(engine.BoundEngine):
    """The native engine with the vectors of passages at hand, so that it need not embed them again."""

    def __init__(self, own: engine.Engine, vectors: dict[str, Vectors]) -> None:
        super().__init__(lambda method, *arguments: getattr(own, method)(*arguments))
        self._vectors = vectors

    def add(self, request: bytes) -> bytes:
        plan = json.loads(request)
        rows = [self._vectors[text].tobytes() for document in plan["documents"] for text in document["passages"]]
        return self.add_vectors(engine.encode(plan | {"space": json.loads(self.status())["model"]["space"]}), b"".join(rows))


def build(name: str, source: Path, out: Path) -> None:
    """Have the command `build` make a file of JSON lines an index, or a published collection where `out` is a folder."""
    vectors = passages(name, source)
    say(f"building {name}")
    usual, installed.load = installed.load, lambda: Remembering(engine.load(), vectors)
    try:
        # What the command prints is no figure.
        with contextlib.redirect_stdout(sys.stderr):
            failed = cli.main(["build", str(source), "-o", str(out), "--model", str(MODEL), "--pieces", str(TABLE)])
    finally:
        installed.load = usual
    if failed:
        sys.exit(f"{name} could not be built")


def _kept(kept: Path, name: str, texts: Sequence[str], max_tokens: int | None) -> Vectors:
    """The vectors in a file of the cache; embedded, where there is none."""
    if kept.is_file():
        return np.asarray(np.load(kept))
    own = engine.load()
    dim = json.loads(own.load_model(MODEL.read_bytes()))["dim"]
    # Texts of one length fill the engine's tiles evenly; the vectors do not depend on it.
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    vectors = np.empty((len(texts), dim), np.float32)
    for start in range(0, len(texts), BATCH):
        some = order[start : start + BATCH]
        request = {"texts": [texts[at] for at in some], "kind": "passage", **({"max_tokens": max_tokens} if max_tokens else {})}
        vectors[some] = np.frombuffer(own.embed(engine.encode(request)), "<f4").reshape(len(some), dim)
        say(f"embedding {name}: {start + len(some)} of {len(texts)}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(f".{os.getpid()}.tmp")
    with fresh.open("wb") as out:
        np.save(out, vectors)
    fresh.replace(kept)
    return vectors


def _digest(path: Path) -> str:
    if not path.is_file():
        sys.exit(f"{path.name} is missing; run ./build.sh build")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
