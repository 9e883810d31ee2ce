"""The vectors of a collection, embedded once by the native engine and kept in the cache.

Owns where they are kept. Must not know what is measured with them. Invariant: vectors belong to the model file whose
digest their name carries.
"""

import gzip
import hashlib
import json
import os
import sys

import numpy as np
from _report import DATA, ROOT
from numpy.typing import NDArray

from findling import engine

MODEL = ROOT / ".cache" / "model" / "all-MiniLM-L6-v2.findling"
MAX_TOKENS = 128
BATCH = 256


def embedded(name: str) -> NDArray[np.float32]:
    """One unit vector for each line of NAME.jsonl.gz, title and text, [documents, dim], in the order of the lines."""
    source = DATA / f"{name}.jsonl.gz"
    for path in (MODEL, source):
        if not path.is_file():
            sys.exit(f"{path.name} is missing; run ./build.sh build, and set FINDLING_DATA to the folder that holds the collections")
    model = MODEL.read_bytes()
    kept = ROOT / ".cache" / "bench" / f"{name}-{hashlib.sha256(model).hexdigest()[:16]}.npy"
    if kept.is_file():
        return np.asarray(np.load(kept))
    own = engine.load()
    dim = json.loads(own.load_model(model))["dim"]
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        texts = [f"{entry['title']}. {entry['text']}" for entry in map(json.loads, lines)]
    # Texts of one length fill the engine's tiles evenly; the vectors do not depend on it.
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    vectors = np.empty((len(texts), dim), np.float32)
    for start in range(0, len(texts), BATCH):
        some = order[start : start + BATCH]
        request = {"texts": [texts[at] for at in some], "kind": "passage", "max_tokens": MAX_TOKENS}
        vectors[some] = np.frombuffer(own.embed(engine.encode(request)), "<f4").reshape(len(some), dim)
        print(f"embedding {name}: {start + len(some)} of {len(texts)}", file=sys.stderr, flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(f".{os.getpid()}.tmp")
    with fresh.open("wb") as out:
        np.save(out, vectors)
    fresh.replace(kept)
    return vectors
