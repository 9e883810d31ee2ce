"""Writes sentence-transformers folders with random weights in the shapes of known model families.

Owns the files such a folder has and weights of a realistic size. Must not know how they are converted. Invariant: the same
arguments give the same bytes.
"""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from findling.model import calibration_texts

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True)
class Family:
    """The shape of a model and what its folder states."""

    name: str
    dim: int = 384
    layers: int = 12
    heads: int = 12
    intermediate: int = 1536
    pooling: str = "mean"
    positions: int = 512
    max_seq_length: int = 512
    normalize: bool = True
    prompts: dict[str, str] | None = None


BGE_SMALL = Family("bge-small-en-v1.5", pooling="cls")
E5_SMALL = Family("e5-small-v2")
MINILM = Family("all-MiniLM-L6-v2", layers=6, max_seq_length=256)
TINY = replace(MINILM, name="tiny", dim=128, layers=2, heads=4, intermediate=256)


def write_folder(folder: Path, family: Family, *, seed: int = 1, prefix: str = "") -> Path:
    """The folder of a model of `family`; `prefix` goes before the tensor names, as in files saved with a task head."""
    vocabulary = _vocabulary()
    pooling_modes = {
        f"pooling_mode_{mode}": mode.startswith(family.pooling) for mode in ("cls_token", "mean_tokens", "max_tokens")
    }
    modules = ["Transformer", "Pooling", "Normalize"][: 3 if family.normalize else 2]
    files: dict[str, Any] = {
        "config.json": {
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": family.dim,
            "num_hidden_layers": family.layers,
            "num_attention_heads": family.heads,
            "intermediate_size": family.intermediate,
            "max_position_embeddings": family.positions,
            "layer_norm_eps": 1e-12,
            "vocab_size": len(vocabulary),
        },
        "modules.json": [
            {"idx": at, "path": "" if at == 0 else f"{at}_{kind}", "type": f"sentence_transformers.models.{kind}"}
            for at, kind in enumerate(modules)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": family.dim} | pooling_modes,
        "sentence_bert_config.json": {"max_seq_length": family.max_seq_length, "do_lower_case": False},
        "tokenizer.json": _tokenizer(vocabulary),
    }
    if family.prompts is not None:
        files["config_sentence_transformers.json"] = {"prompts": family.prompts}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    tensors = random_weights(family, len(vocabulary), seed)
    write_tensors(folder / "model.safetensors", {prefix + name: tensor for name, tensor in tensors.items()})
    return folder


def random_weights(family: Family, words: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights like those of trained models: outlier dimensions in the norms, rows of unequal size, attention that is not flat."""
    random = np.random.default_rng(seed)
    dim, inner = family.dim, family.intermediate

    def normal(*shape: int, scale: float) -> NDArray[np.float32]:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": normal(words, dim, scale=0.05),
        "embeddings.position_embeddings.weight": normal(family.positions, dim, scale=0.005),
        "embeddings.token_type_embeddings.weight": normal(2, dim, scale=0.01),
    }

    def norm(name: str) -> None:
        gamma = 0.9 + normal(dim, scale=0.1)
        gamma[random.integers(0, dim, 3)] *= 4.0
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = gamma, normal(dim, scale=0.02)

    def linear(name: str, outputs: int, inputs: int, scale: float) -> None:
        rows = np.exp(normal(outputs, 1, scale=0.3))
        tensors[f"{name}.weight"] = normal(outputs, inputs, scale=scale) * rows
        tensors[f"{name}.bias"] = normal(outputs, scale=0.01)

    norm("embeddings.LayerNorm")
    for layer in range(family.layers):
        prefix = f"encoder.layer.{layer}."
        for part in ("query", "key"):
            linear(f"{prefix}attention.self.{part}", dim, dim, 1.2 / np.sqrt(dim))
        linear(f"{prefix}attention.self.value", dim, dim, 1.2 / np.sqrt(dim))
        linear(f"{prefix}attention.output.dense", dim, dim, 1.2 / np.sqrt(dim))
        norm(f"{prefix}attention.output.LayerNorm")
        linear(f"{prefix}intermediate.dense", inner, dim, 1.0 / np.sqrt(dim))
        linear(f"{prefix}output.dense", dim, inner, 0.8 / np.sqrt(inner))
        norm(f"{prefix}output.LayerNorm")
    return tensors


def write_tensors(path: Path, tensors: dict[str, NDArray[Any]], kinds: dict[str, str] | None = None) -> None:
    """A safetensors file; `kinds` names the type of a tensor that numpy cannot name (BF16 as u16)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = bytearray()
    known = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64"}
    for name, tensor in tensors.items():
        start = len(content)
        content += tensor.tobytes()
        kind = (kinds or {}).get(name) or known[tensor.dtype.str]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, len(content)]}
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + content)


@cache
def _vocabulary() -> list[str]:
    """The special tokens, all signs alone and as continuations, and every fourth word of the calibration texts."""
    texts = calibration_texts()
    words = sorted({word for text in texts for word in re.findall(r"[a-z]{2,}", text.lower())})
    signs = sorted({sign for text in texts for sign in text.lower() if not sign.isspace()})
    return [*SPECIAL, *signs, *("##" + sign for sign in signs), *words[::4]]


def _tokenizer(vocabulary: list[str]) -> dict[str, Any]:
    added = [{"id": vocabulary.index(token), "content": token, "special": True} for token in SPECIAL]
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0",
        "added_tokens": [
            entry | {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False} for entry in added
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*single, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "special_tokens": {},
        },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: at for at, token in enumerate(vocabulary)},
        },
    }
