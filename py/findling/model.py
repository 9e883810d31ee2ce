"""A sentence-transformers folder -> a Findling model file.

Owns the layout of the model file's sections, the space id and the calibration. Must not know of collections or pages; runs on
CPython only. Invariant: the same folder gives the same bytes on every machine, and the space id depends on what the vectors
mean, not on how the weights were rounded.

    python -m findling.model SOURCE_FOLDER -o OUT
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from findling import engine
from findling.conversion import transformer
from findling.conversion.quantise import RECIPE, QuantisedLinear, packed, quantise, quantise_words
from findling.conversion.reproducible import Array
from findling.conversion.source import Source, read_source
from findling.errors import BadInput, FindlingError

MAX_TOKENS = 256

Section = tuple[str, bytes]
Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many steps are done and how many there are."""


def convert(
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    max_tokens: int = MAX_TOKENS,
    prefixes: dict[str, str] | None = None,
    source: str | None = None,
    calibration: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> bytes:
    """The bytes of the model file for the sentence-transformers model in `folder`.

    `name` is shown to people (default: the folder's). `max_tokens` is lowered to what the model allows. `prefixes` for "query"
    and "passage" override those of the model. `source` says where the weights came from. `calibration` are natural texts that
    the rounding is fitted to (default: the repository's own); they enter the space id.
    Raises `Unsupported`, `BadFormat` or `BadInput`: see `findling.conversion.source.read_source`.
    """
    model = read_source(Path(folder), name=name, max_tokens=max_tokens, prefixes=prefixes)
    texts = calibration_texts() if calibration is None else list(calibration)
    if not any(text.strip() for text in texts):
        raise BadInput("the calibration texts are empty; give some natural sentences of the kind that will be searched")
    meta = _meta(model, space_id(model, texts), source or model.name)
    report = progress or (lambda what, done, total: None)
    tokens = tokenised(model, texts)
    return engine.pack("model", meta, sections(model, tokens, report))


def space_id(source: Source, calibration: Sequence[str]) -> str:
    """64 hex digits that say which vectors may be compared: sha256 over all that decides what a vector means.

    Not over the rounded weights, so that another machine, or a later version that rounds the same recipe faster, agrees.
    """
    digest = hashlib.sha256()

    def enter(data: bytes) -> None:
        digest.update(len(data).to_bytes(8, "little") + data)

    for name in sorted(source.tensors):
        tensor = source.tensors[name]
        enter(name.encode())
        enter(",".join(map(str, tensor.shape)).encode())
        enter(np.ascontiguousarray(tensor, "<f4").tobytes())
    for part in (source.vocabulary, list(calibration)):
        enter(_canonical(part))
    enter(
        _canonical(
            {
                "architecture": "bert",
                "heads": source.heads,
                "layer_norm_eps": source.layer_norm_eps,
                "max_tokens": source.max_tokens,
                "normalize": True,
                "pooling": source.pooling,
                "prefixes": source.prefixes,
                "recipe": RECIPE,
                "tokenizer": source.tokenizer,
            }
        )
    )
    return digest.hexdigest()


def calibration_texts() -> list[str]:
    """The texts in conversion/calibration.txt, one a line."""
    content = resources.files("findling.conversion").joinpath("calibration.txt").read_text(encoding="utf-8")
    return [line for line in content.splitlines() if line and not line.startswith("#")]


def tokenised(source: Source, texts: Sequence[str]) -> list[list[int]]:
    """The token ids of `texts` by the engine's own tokenizer, opened for this with the vocabulary and no weights."""
    tokenizer = engine.load()
    tokenizer.load_model(_tokenizer_only(source))
    ids = []
    for text in texts:
        reply = json.loads(tokenizer.tokenize(engine.encode({"text": text, "kind": None, "max_tokens": source.max_tokens})))
        ids.append(reply["ids"])
    return ids


def _meta(source: Source, space: str, origin: str) -> dict[str, Any]:
    return {
        "name": source.name,
        "architecture": "bert",
        "dim": source.dim,
        "layers": source.layers,
        "heads": source.heads,
        "intermediate": source.intermediate,
        "vocab_size": len(source.vocabulary),
        "max_tokens": source.max_tokens,
        "layer_norm_eps": source.layer_norm_eps,
        "pooling": source.pooling,
        "normalize": True,
        "prefixes": source.prefixes,
        "tokenizer": source.tokenizer,
        "space": space,
        "recipe": RECIPE,
        "licence": source.licence,
        "source": origin,
    }


def sections(source: Source, tokens: Sequence[Sequence[int]], progress: Progress) -> list[Section]:
    """The content of the model file, calibrated on texts of these token ids (start and end included): see docs/FORMAT.md."""
    codes, scale = quantise_words(source.tensors["embeddings.word_embeddings.weight"])
    positions = transformer.positions(source)
    content = _embedding_sections(source.vocabulary, codes, scale, positions, transformer.norm_of(source, "embeddings.LayerNorm"))
    steps, done = source.layers * len(transformer.LINEARS), 0
    values = transformer.embedding(source, tokens)
    lengths = [len(ids) for ids in tokens]
    for index in range(source.layers):
        linears: dict[str, QuantisedLinear] = {}

        def observe(name: str, affine: transformer.Affine, inputs: Array, linears: dict[str, QuantisedLinear] = linears) -> None:
            nonlocal done
            linears[name] = quantise(affine, inputs)
            done += 1
            progress("quantise", done, steps)

        values = transformer.layer(source, index, values, lengths, observe)
        norms = [
            transformer.norm_of(source, f"encoder.layer.{index}.{name}")
            for name in ("attention.output.LayerNorm", "output.LayerNorm")
        ]
        content.append(_layer_section(index, [linears[name] for name in transformer.LINEARS], norms))
    return content


def _tokenizer_only(source: Source) -> bytes:
    """A model file with this vocabulary and one layer of the least size, all zero."""
    dim, words = 128, len(source.vocabulary)
    smallest = {"dim": dim, "layers": 1, "heads": 1, "intermediate": dim, "name": "tokenizer only"}
    meta = _meta(source, "0" * 64, "none") | smallest
    norm = np.stack([np.ones(dim), np.zeros(dim)])

    def zero(outputs: int) -> QuantisedLinear:
        codes, bias, shift = np.zeros((outputs, dim), np.int8), np.zeros(outputs, np.float32), np.zeros(dim, np.float32)
        return QuantisedLinear(codes, np.ones(outputs, np.float32), bias, shift)

    content = _embedding_sections(
        source.vocabulary,
        np.zeros((words, dim), np.int8),
        np.ones(words, np.float32),
        np.zeros((source.max_tokens, dim), np.float32),
        norm,
    )
    content.append(_layer_section(0, [zero(3 * dim), zero(dim), zero(dim), zero(dim)], [norm, norm]))
    return engine.pack("model", meta, content)


def _embedding_sections(
    vocabulary: Sequence[str], codes: NDArray[np.int8], scale: NDArray[np.float32], positions: NDArray[np.float32], norm: Array
) -> list[Section]:
    return [
        ("vocabulary", "\n".join(vocabulary).encode()),
        ("words", codes.tobytes()),
        ("words.scale", _f32(scale)),
        ("positions", _f32(positions)),
        ("embedding.norm", _f32(norm)),
    ]


def _layer_section(index: int, linears: Sequence[QuantisedLinear], norms: Sequence[Array]) -> Section:
    content = bytearray()
    for linear in linears:
        for part in (packed(linear.codes).tobytes(), _f32(linear.scale), _f32(linear.bias), _f32(linear.shift)):
            _append_aligned(content, part)
    for norm in norms:
        _append_aligned(content, _f32(norm))
    return f"layer.{index}", bytes(content)


def _append_aligned(content: bytearray, part: bytes) -> None:
    content.extend(bytes(-len(content) % 64))
    content.extend(part)


def _f32(values: NDArray[Any]) -> bytes:
    return values.astype("<f4").tobytes()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: write the model file, or say on stderr what is wrong and answer 1."""
    parser = argparse.ArgumentParser(
        prog="python -m findling.model", description="Convert a sentence-transformers folder to a model file."
    )
    parser.add_argument("folder", help="the folder with model.safetensors, tokenizer.json, config.json, modules.json")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="the model file to write")
    parser.add_argument("--name", help="the model's name (default: the folder's)")
    parser.add_argument("--source", help="where the weights came from, for people")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, metavar="N", help=f"longest text (default {MAX_TOKENS})")
    parser.add_argument("--query-prefix", metavar="TEXT", help="put before queries (default: as the model states)")
    parser.add_argument("--passage-prefix", metavar="TEXT", help="put before passages (default: as the model states)")
    options = parser.parse_args(arguments)
    prefixes = None
    if options.query_prefix is not None or options.passage_prefix is not None:
        prefixes = {"query": options.query_prefix or "", "passage": options.passage_prefix or ""}
    started = time.monotonic()

    def progress(what: str, done: int, total: int) -> None:
        print(f"{what} {done}/{total}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    out = Path(options.out)
    partial = out.with_name(out.name + ".partial")
    try:
        content = convert(
            options.folder,
            name=options.name,
            max_tokens=options.max_tokens,
            prefixes=prefixes,
            source=options.source,
            progress=progress,
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)  # A rename at the end, so that an interrupted run leaves no half file under the real name.
        partial.replace(out)
    except FindlingError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 1
    print(f"{out}: {len(content)} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
