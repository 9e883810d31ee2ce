"""A model file and texts -> a piece table: a vector for each word piece, whose sums come close to the model's vectors.

Owns the training and the layout of the table's sections (docs/FORMAT.md). Must not know where the texts come from; runs on
CPython only. Invariant: the same model and texts give the same bytes on every machine. Method: docs/STATIC.md.

    python -m findling.pieces MODEL TEXTS -o OUT [--cache DIR]
"""

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from findling import engine
from findling.conversion.reproducible import by_rows, mean, product
from findling.engine import Engine
from findling.errors import BadFormat, BadInput, FindlingError

VERSION = 1
"""Of the sections."""
RECIPE = 1
"""To be raised whenever the same model and texts would give another table."""
SHORT = 256
"""Components of the short space."""
COMMON = 1e-3
"""a in the weight a / (a + p) of a piece with the share p of all pieces."""
EFFORT = {"lambda": 1.0, "rounds": 2, "steps": 15}
"""Of the ridge regression."""
PAGE = 1024
"""Bytes of a page of pieces, and of the blocks of what is read in pieces."""
SAMPLE = 20_000
"""Vectors that the projection is fitted to."""
BATCH = 4096
"""Texts that are embedded at a time."""
MAX_TOKENS = 64
"""What follows in a training text is left out."""
UNUSED = re.compile(r"\[unused\d+\]$")
"""Tokens that no text has."""

Floats = NDArray[np.float32]
Whole = NDArray[np.uint32]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Bags:
    """The pieces of texts: where the entries of each end, and the piece of each entry."""

    ends: Whole
    items: Whole


def train(model: bytes, texts: Sequence[str], *, cache: Path | None = None, progress: Progress | None = None) -> bytes:
    """The bytes of a piece table for the model file `model`, trained with the different ones of `texts`.

    `cache`: a folder that keeps the vectors of the texts. Raises `BadInput` for fewer different texts than components.
    """
    report = progress or (lambda what, done, total: None)
    header = engine.inspect(model)
    meta = header["meta"]
    chosen = [text for text in dict.fromkeys(texts) if text.strip()]
    if len(chosen) < SHORT:
        raise BadInput(f"{len(chosen)} texts are too few to train a piece table; give thousands of short ones", found=len(chosen))
    made = made_of(header["digest"], chosen)
    embedder = engine.load()
    embedder.load_model(model)
    vocabulary = _section(model, header, "vocabulary").decode().split("\n")
    pieces = sorted((token.encode(), number) for number, token in enumerate(vocabulary) if _is_piece(token, meta["tokenizer"]))
    vectors = _cached(embedder, chosen, made, cache, report)
    report("tokenise", 0, len(chosen))
    bags = _bags(embedder, chosen, {number: place for place, (_, number) in enumerate(pieces)})
    projection, scales = fit_projection(vectors)
    prior = _prior(embedder, [token.decode() for token, _ in pieces], meta["tokenizer"]["continuing_prefix"])
    weights = weights_of(bags, len(pieces))
    report("solve", 0, 1)
    rows = solve(bags, weights, project(prior, projection, scales), project(vectors, projection, scales))
    listed, pages = paged([token for token, _ in pieces])
    sections = [
        ("pages", listed),
        ("words", pages),
        ("rows", engine.compute({"op": "shorten", "dim": SHORT}, (rows * weights[:, None]).astype("<f4").tobytes())),
        ("projection", projection.tobytes()),
        ("projection.scale", scales.astype("<f4").tobytes()),
    ]
    about = {
        "name": meta["name"],
        "version": VERSION,
        "space": meta["space"],
        "dim": meta["dim"],
        "short": SHORT,
        "pieces": len(pieces),
        "tokenizer": meta["tokenizer"],
        "made": made,
    }
    return engine.pack("pieces", about, sections, blocks={"words": PAGE, "rows": PAGE})


def made_of(model_digest: str, texts: Sequence[str]) -> str:
    """64 hex digits over all that decides the table."""
    content = json.dumps([RECIPE, model_digest, list(texts)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def fit_projection(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
    """The projection [SHORT, dim] in 8 bits, and the scale of each row: principal axes of the vectors, rotated.

    A vector and its opposite are both fitted, so that the axes keep dot products and not differences from a mean. The rotation
    spreads what the axes hold evenly, as codes of few bits want it: signs of a fixed sequence, then the Walsh-Hadamard
    transform. Of a model with fewer components than SHORT the missing axes are zero.
    """
    step = -(-len(vectors) // SAMPLE)
    some = vectors[::step]
    both = np.stack([some, -some], axis=1).reshape(-1, vectors.shape[1])
    dim = vectors.shape[1]
    kept = min(SHORT, dim)
    fitted = np.frombuffer(engine.compute({"op": "fit", "dim": dim, "components": kept}, both.astype("<f4").tobytes()), "<f4")
    axes = np.zeros((SHORT, dim))
    axes[:kept] = fitted[dim : dim + kept * dim].reshape(kept, dim)
    axes[[mixed(number) & 1 == 1 for number in range(SHORT)]] *= -1.0
    width = 1
    while width < SHORT:
        pairs = axes.reshape(-1, 2, width, dim)
        axes = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(SHORT, dim)
        width *= 2
    axes /= np.sqrt(np.float64(SHORT))
    scales = (np.abs(axes).max(axis=1) / 127.0).astype(np.float32)
    return np.rint(axes / scales.astype(np.float64)[:, None]).astype(np.int8), scales


def project(vectors: Floats, projection: NDArray[np.int8], scales: Floats) -> Floats:
    """Rows of the model's space in the short one, [rows, SHORT]."""
    axes = projection.astype(np.float64).T
    made = by_rows(lambda part: product(part.astype(np.float64), axes), vectors, SHORT) * scales.astype(np.float64)
    return made.astype(np.float32)


def weights_of(bags: Bags, pieces: int) -> Floats:
    """The weight of each piece: a / (a + its share of all entries)."""
    share = np.bincount(bags.items, minlength=pieces) / max(len(bags.items), 1)
    weights: Floats = (COMMON / (COMMON + share)).astype(np.float32)
    return weights


def solve(bags: Bags, weights: Floats, prior: Floats, targets: Floats) -> Floats:
    """The vectors of the pieces [pieces, SHORT], without their weights."""
    request = {
        "op": "ridge", "dim": SHORT, "items": len(prior), "bags": len(bags.ends), "entries": len(bags.items), **EFFORT,
    }  # fmt: skip
    parts = [bags.ends.astype("<u4"), bags.items.astype("<u4"), weights[bags.items], prior, targets]
    found = engine.compute(request, b"".join(part.tobytes() for part in parts))
    return np.frombuffer(found, "<f4").reshape(len(prior), SHORT)


def paged(pieces: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The list of pages and the pages of pieces in the order of their bytes; see docs/FORMAT.md."""
    listed, pages, page, before = bytearray(), bytearray(), bytearray(), b""
    for number, piece in enumerate(pieces):
        if len(piece) > 255:
            raise BadFormat("a token of the vocabulary is longer than 255 bytes; this model cannot have a piece table")
        shared = _common(before, piece) if page else 0
        if not page or len(page) + 2 + len(piece) - shared > PAGE:
            pages += page + bytes(-len(page) % PAGE)
            page, shared = bytearray(), 0
            listed += number.to_bytes(4, "little") + bytes([len(piece)]) + piece
        page += bytes([shared, len(piece) - shared]) + piece[shared:]
        before = piece
    return bytes(listed), bytes(pages + page + bytes(-len(page) % PAGE))


def mixed(number: int) -> int:
    """64 bits that look random: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""
    state = (number + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return state ^ state >> 31


def _common(left: bytes, right: bytes) -> int:
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    return shared


def _is_piece(token: str, tokenizer: dict[str, Any]) -> bool:
    named = {tokenizer["unknown"], tokenizer["start"], tokenizer["end"], *tokenizer["special"]}
    return token not in named and token != tokenizer["continuing_prefix"] and not UNUSED.match(token)


def _section(file: bytes, header: dict[str, Any], name: str) -> bytes:
    for section in header["sections"]:
        if section["name"] == name:
            return file[section["offset"] : section["offset"] + section["length"]]
    raise BadFormat(f"the model file has no section {name!r}; convert the model again", section=name)


def _cached(embedder: Engine, texts: Sequence[str], made: str, cache: Path | None, report: Progress) -> Floats:
    """The vectors of the texts, from the cache where that has them."""
    path = None if cache is None else cache / f"{made[:32]}.f32"
    dim = json.loads(embedder.status())["model"]["dim"]
    if path is not None and path.is_file() and path.stat().st_size == 4 * dim * len(texts):
        return np.fromfile(path, "<f4").reshape(len(texts), dim)
    vectors = _embedded(embedder, texts, report)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        vectors.tofile(partial)
        partial.replace(path)
    return vectors


def _embedded(embedder: Engine, texts: Sequence[str], report: Progress) -> Floats:
    """The vectors of the texts as queries, [texts, dim]."""
    parts = []
    for start in range(0, len(texts), BATCH):
        request = engine.encode({"texts": list(texts[start : start + BATCH]), "kind": "query", "max_tokens": MAX_TOKENS})
        parts.append(np.frombuffer(embedder.embed(request), "<f4"))
        report("embed", min(start + BATCH, len(texts)), len(texts))
    dim = sum(map(len, parts)) // len(texts)
    return np.concatenate(parts).reshape(len(texts), dim)


def _bags(embedder: Engine, texts: Sequence[str], places: dict[int, int]) -> Bags:
    """The pieces of the texts; tokens that are not in the table, such as that of unknown words, are left out."""
    ends, items = [], []
    for text in texts:
        request = engine.encode({"text": text, "kind": None, "max_tokens": MAX_TOKENS})
        items += [places[number] for number in json.loads(embedder.tokenize(request))["ids"] if number in places]
        ends.append(len(items))
    return Bags(np.array(ends, np.uint32), np.array(items, np.uint32))


def _prior(embedder: Engine, pieces: Sequence[str], mark: str) -> Floats:
    """Each piece embedded alone, minus the mean of all."""
    alone = _embedded(embedder, [piece.removeprefix(mark) for piece in pieces], lambda what, done, total: None)
    exact = alone.astype(np.float64)
    centred: Floats = (exact - mean(exact, 0)).astype(np.float32)
    return centred


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: write the table, or say on stderr what is wrong and answer 1."""
    parser = argparse.ArgumentParser(prog="python -m findling.pieces", description="Train a piece table for a model file.")
    parser.add_argument("model", type=Path, help="the model file")
    parser.add_argument("texts", type=Path, help="the texts to train with, one a line, UTF-8")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the piece table to write")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the vectors of the texts are kept for the next time")
    options = parser.parse_args(arguments)
    started = time.monotonic()

    def progress(what: str, done: int, total: int) -> None:
        print(f"{what} {done}/{total}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    partial = options.out.with_name(options.out.name + ".partial")
    try:
        lines = options.texts.read_text(encoding="utf-8").split("\n")
        content = train(options.model.read_bytes(), lines, cache=options.cache, progress=progress)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(options.out)
    except (FindlingError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out}: {len(content)} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
