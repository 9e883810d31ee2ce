"""A sentence-transformers folder, read and checked.

Owns which architectures, tokenizers and poolings Findling can run, and what each missing or unknown thing means. Must not
know of quantisation or the model file. Invariant: a `Source` that was returned can be converted; everything else was refused
with what was found and what is supported.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from findling.conversion.tensors import read_tensors
from findling.errors import BadFormat, BadInput, Unsupported

SUPPORTED = "BERT encoders of sentence-transformers (all-MiniLM, BGE, E5 and their kind) with WordPiece and mean or cls pooling"

QUERY, PASSAGE = "query", "passage"

FAMILIES = {
    "e5-": {QUERY: "query: ", PASSAGE: "passage: "},
    "bge-": {QUERY: "Represent this sentence for searching relevant passages: ", PASSAGE: ""},
}
"""Model families whose folders do not state their prefixes, by a part of the model's name."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything the conversion takes from a folder. `tensors` are float32 under BERT's names without a leading "bert."."""

    name: str
    licence: str
    dim: int
    layers: int
    heads: int
    intermediate: int
    layer_norm_eps: float
    max_tokens: int
    pooling: str
    prefixes: dict[str, str]
    tokenizer: dict[str, Any]
    vocabulary: list[str]
    tensors: dict[str, NDArray[np.float32]]


def read_source(folder: Path, *, name: str | None, max_tokens: int, prefixes: dict[str, str] | None) -> Source:
    """The model in `folder`; `max_tokens` is lowered to what the model allows, `prefixes` None means: as the model states them.

    Raises `BadInput` (a file is missing), `BadFormat` (a file is damaged), `Unsupported` (another kind of model).
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; give the folder of a sentence-transformers model", folder=str(folder))
    if max_tokens < 3:
        raise BadInput(
            f"max_tokens is {max_tokens}, but a text needs at least its start, one token and its end", max_tokens=max_tokens
        )
    config = _json(folder, "config.json")
    _check_architecture(config)
    pooling = _pooling(folder)
    dim, heads, intermediate = (
        _count(config, "hidden_size"),
        _count(config, "num_attention_heads"),
        _count(config, "intermediate_size"),
    )
    if dim % 128 or intermediate % 128 or dim % heads or dim // heads % 8:
        raise _refused(
            f"hidden size {dim} with {heads} heads and {intermediate} inner", "sizes that are multiples of 128, heads of 8"
        )
    limit = _json(folder, "sentence_bert_config.json", optional=True).get("max_seq_length")
    longest = min(
        max_tokens, _count(config, "max_position_embeddings"), limit if type(limit) is int and limit >= 3 else max_tokens
    )
    vocabulary, tokenizer = _tokenizer(_json(folder, "tokenizer.json"))
    model_name = name or folder.resolve().name
    source = Source(
        name=model_name,
        licence=_licence(folder),
        dim=dim,
        layers=_count(config, "num_hidden_layers"),
        heads=heads,
        intermediate=intermediate,
        layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
        max_tokens=longest,
        pooling=pooling,
        prefixes=_prefixes(folder, f"{model_name} {config.get('_name_or_path', '')}") if prefixes is None else _both(prefixes),
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        tensors={},
    )
    source.tensors.update(_weights(folder / "model.safetensors", source))
    return source


def _check_architecture(config: dict[str, Any]) -> None:
    found = config.get("model_type")
    if found != "bert":
        raise _refused(f"architecture {found!r}", "model_type 'bert'")
    for key, wanted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
        if config.get(key, wanted) != wanted:
            raise _refused(f"{key} {config[key]!r}", f"{key} {wanted!r}")


def _pooling(folder: Path) -> str:
    listed = _json(folder, "modules.json", kind=list)
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] if isinstance(module, dict) else "?" for module in listed]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise _refused("the modules " + ", ".join(kinds), "Transformer, Pooling and then nothing or Normalize")
    path = str(listed[1].get("path", "1_Pooling"))
    config = _json(folder, f"{path}/config.json")
    prefix = "pooling_mode_"
    chosen = sorted(key.removeprefix(prefix) for key, value in config.items() if key.startswith(prefix) and value is True)
    known = {"mean_tokens": "mean", "cls_token": "cls"}
    if len(chosen) != 1 or chosen[0] not in known:
        raise _refused("pooling " + (" and ".join(chosen) or "unnamed"), "pooling by mean or by cls")
    return known[chosen[0]]


def _tokenizer(config: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    model, normalizer = _part(config, "model"), _part(config, "normalizer")
    for part, key, wanted in ((model, "model", "WordPiece"), (normalizer, "normalizer", "BertNormalizer")):
        if part.get("type") != wanted:
            raise _refused(f"a tokenizer with {key} {part.get('type')!r}", f"{key} {wanted!r}")
    splitter = _part(config, "pre_tokenizer").get("type")
    if splitter != "BertPreTokenizer":
        raise _refused(f"a tokenizer with pre_tokenizer {splitter!r}", "pre_tokenizer 'BertPreTokenizer'")
    vocabulary = _vocabulary(model.get("vocab"))
    start, end = _frame(_part(config, "post_processor"))
    unknown = str(model.get("unk_token", "[UNK]"))
    added = config.get("added_tokens", [])
    special = [entry["content"] for entry in sorted(added, key=lambda entry: int(entry["id"])) if entry.get("special")]
    known = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
    for entry in added:
        if not entry.get("special") or known.get(entry["content"]) != entry["id"]:
            raise _refused(f"the added token {entry['content']!r}", "added tokens that are special and in the vocabulary")
    for token in (start, end, unknown):
        if token not in known:
            raise BadFormat(f"tokenizer.json names the token {token!r}, which its vocabulary lacks", token=token)
    lowercase = bool(normalizer.get("lowercase", True))
    strip = normalizer.get("strip_accents")
    return vocabulary, {
        "lowercase": lowercase,
        "strip_accents": lowercase if strip is None else bool(strip),
        "handle_chinese_chars": bool(normalizer.get("handle_chinese_chars", True)),
        "clean_text": bool(normalizer.get("clean_text", True)),
        "unknown": unknown,
        "start": start,
        "end": end,
        "continuing_prefix": str(model.get("continuing_subword_prefix", "##")),
        "max_word_chars": int(model.get("max_input_chars_per_word", 100)),
        "special": special,
    }


def _vocabulary(ids: Any) -> list[str]:
    if not isinstance(ids, dict) or sorted(ids.values()) != list(range(len(ids))):
        raise BadFormat("the vocabulary in tokenizer.json does not number its tokens 0, 1, 2, ...; fetch the model again")
    vocabulary: list[str] = sorted(ids, key=ids.__getitem__)
    if any("\n" in token for token in vocabulary):
        raise _refused("a vocabulary whose tokens hold line breaks", "WordPiece vocabularies of one token a line")
    return vocabulary


def _frame(processor: dict[str, Any]) -> tuple[str, str]:
    """The tokens before and after a text."""
    if processor.get("type") == "BertProcessing":
        return str(processor["cls"][0]), str(processor["sep"][0])
    if processor.get("type") == "TemplateProcessing":
        pieces = processor.get("single", [])
        if len(pieces) == 3 and "SpecialToken" in pieces[0] and "Sequence" in pieces[1] and "SpecialToken" in pieces[2]:
            return str(pieces[0]["SpecialToken"]["id"]), str(pieces[2]["SpecialToken"]["id"])
    raise _refused(f"a tokenizer with post_processor {processor.get('type')!r}", "a template of start, text, end")


def _prefixes(folder: Path, names: str) -> dict[str, str]:
    prompts = _json(folder, "config_sentence_transformers.json", optional=True).get("prompts")
    if isinstance(prompts, dict) and any(prompts.values()):
        passage = prompts.get(PASSAGE, prompts.get("document", prompts.get("corpus", "")))
        return _both({QUERY: str(prompts.get(QUERY, "")), PASSAGE: str(passage)})
    for part, known in FAMILIES.items():
        if part in names.lower():
            return dict(known)
    return {QUERY: "", PASSAGE: ""}


def _both(prefixes: dict[str, str]) -> dict[str, str]:
    if not set(prefixes) <= {QUERY, PASSAGE} or not all(isinstance(prefix, str) for prefix in prefixes.values()):
        raise BadInput(f"prefixes are texts for {QUERY!r} and {PASSAGE!r}, not {prefixes!r}")
    return {kind: prefixes.get(kind, "") for kind in (QUERY, PASSAGE)}


def _weights(path: Path, source: Source) -> dict[str, NDArray[np.float32]]:
    """The tensors of the encoder, each checked for its shape; others (pooler, position ids) are left behind."""
    found = {name.removeprefix("bert."): tensor for name, tensor in read_tensors(path).items()}
    tensors = {}
    for name, shape in _shapes(source).items():
        tensor = found.get(name)
        if tensor is None:
            raise BadFormat(f"{path} has no tensor {name!r}; it is not the model that config.json describes", tensor=name)
        rows_are_enough = name.startswith("embeddings.") and tensor.ndim == 2 and tensor.shape[1:] == shape[1:]
        if tensor.shape != shape and not (rows_are_enough and tensor.shape[0] >= shape[0]):
            raise BadFormat(f"{path}: tensor {name!r} is {tensor.shape}, config.json says {shape}", tensor=name)
        tensors[name] = tensor[: shape[0]]
    return tensors


def _shapes(source: Source) -> dict[str, tuple[int, ...]]:
    dim, inner = source.dim, source.intermediate
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(source.vocabulary), dim),
        "embeddings.position_embeddings.weight": (source.max_tokens, dim),
        "embeddings.token_type_embeddings.weight": (1, dim),
        "embeddings.LayerNorm.weight": (dim,),
        "embeddings.LayerNorm.bias": (dim,),
    }
    for layer in range(source.layers):
        prefix = f"encoder.layer.{layer}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes[f"{prefix}{name}.weight"], shapes[f"{prefix}{name}.bias"] = (dim, dim), (dim,)
        shapes[f"{prefix}intermediate.dense.weight"], shapes[f"{prefix}intermediate.dense.bias"] = (inner, dim), (inner,)
        shapes[f"{prefix}output.dense.weight"], shapes[f"{prefix}output.dense.bias"] = (dim, inner), (dim,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{prefix}{name}.weight"] = shapes[f"{prefix}{name}.bias"] = (dim,)
    return shapes


def _licence(folder: Path) -> str:
    """The licence that the model card's front matter names, or "unknown"."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    for line in card.split("\n---", 1)[0].splitlines():
        if line.startswith("license:"):
            return line.removeprefix("license:").strip().strip("\"'") or "unknown"
    return "unknown"


def _json(folder: Path, name: str, *, kind: type = dict, optional: bool = False) -> Any:
    path = folder / name
    if optional and not path.exists():
        return kind()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{name} is missing from {folder}; give a whole sentence-transformers folder", file=name) from error
    except ValueError as error:
        raise BadFormat(f"{path} is not JSON: {error}; fetch the model again", file=name) from error
    if not isinstance(content, kind):
        raise BadFormat(f"{path} does not hold a JSON {'object' if kind is dict else 'list'}; fetch the model again", file=name)
    return content


def _part(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _count(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    if type(value) is not int or value < 1:
        raise BadFormat(f"config.json gives {key} as {value!r}, not a positive whole number", key=key)
    return value


def _refused(found: str, wanted: str) -> Unsupported:
    return Unsupported(f"this model has {found}; wanted is {wanted}. Supported are {SUPPORTED}", found=found, supported=SUPPORTED)
