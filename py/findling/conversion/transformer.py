"""The BERT forward pass over many texts at once, cut at the inputs of the linear layers.

Owns the order of operations inside a layer. Must not know of quantisation or files. Invariant: the same bits on every
machine, because all arithmetic that could differ is `reproducible`'s. After Devlin et al., https://arxiv.org/abs/1810.04805.

Texts lie one after another as rows of one array [tokens, dim]; `lengths` says how many rows each text has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from findling.conversion.reproducible import Array, by_rows, gelu, mean, product, softmax
from findling.conversion.source import Source


@dataclass(frozen=True, slots=True)
class Affine:
    """y = x W^T + b: weights [outputs, inputs], bias [outputs]."""

    weights: Array
    bias: Array


LINEARS = ("qkv", "attention output", "up", "down")
"""The linear layers of one encoder layer, in the order of the model file."""

Observer = Callable[[str, Affine, Array], None]
"""Is told each linear layer (a name of `LINEARS`, its weights) with all inputs it meets, [tokens, inputs]."""


def layer_norm(values: Array, norm: Array, epsilon: float) -> Array:
    """Rows to mean 0 and variance 1, times gamma, plus beta; `norm` is [2, dim]: gamma, beta."""

    def rows(part: Array) -> Array:
        centred = part - mean(part, -1)[:, None]
        deviation = np.sqrt(mean(centred * centred, -1)[:, None] + epsilon)
        scaled: Array = centred / deviation * norm[0] + norm[1]
        return scaled

    return by_rows(rows, values)


def norm_of(source: Source, name: str) -> Array:
    """Gamma and beta of a LayerNorm, [2, dim]."""
    return np.stack([source.tensors[f"{name}.weight"], source.tensors[f"{name}.bias"]]).astype(np.float64)


def affine_of(source: Source, layer: int, name: str) -> Affine:
    """A linear layer of the source. In "qkv" the three are stacked, and the attention's 1/sqrt(head size) is folded into q."""
    prefix = f"encoder.layer.{layer}."
    parts = {
        "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
        "attention output": ("attention.output.dense",),
        "up": ("intermediate.dense",),
        "down": ("output.dense",),
    }[name]
    weights = np.concatenate([source.tensors[f"{prefix}{part}.weight"] for part in parts]).astype(np.float64)
    bias = np.concatenate([source.tensors[f"{prefix}{part}.bias"] for part in parts]).astype(np.float64)
    if name == "qkv":
        factor = 1.0 / np.sqrt(np.float64(source.dim // source.heads))
        weights[: source.dim] *= factor
        bias[: source.dim] *= factor
    return Affine(weights, bias)


def embedding(source: Source, tokens: Sequence[Sequence[int]]) -> Array:
    """The input of the first layer, [tokens, dim]: word, position and token type 0, normalised."""
    words = source.tensors["embeddings.word_embeddings.weight"]
    places = positions(source)
    rows = np.concatenate([words[np.asarray(ids)] + places[: len(ids)] for ids in tokens]).astype(np.float64)
    return layer_norm(rows, norm_of(source, "embeddings.LayerNorm"), source.layer_norm_eps)


def positions(source: Source) -> NDArray[np.float32]:
    """What is added to a word at each place, [max_tokens, dim]: its position plus token type 0."""
    table = source.tensors["embeddings.position_embeddings.weight"][: source.max_tokens]
    kind: NDArray[np.float32] = source.tensors["embeddings.token_type_embeddings.weight"][0]
    return table + kind


def layer(source: Source, index: int, values: Array, lengths: Sequence[int], observe: Observer) -> Array:
    """The output [tokens, dim] of encoder layer `index`; `observe` sees the inputs of its four linear layers."""
    prefix = f"encoder.layer.{index}."

    def linear(name: str, inputs: Array) -> Array:
        affine = affine_of(source, index, name)
        observe(name, affine, inputs)
        return by_rows(lambda part: product(part, affine.weights.T) + affine.bias, inputs, len(affine.bias))

    attended = attention(linear("qkv", values), lengths, source.heads)
    values = values + linear("attention output", attended)
    values = layer_norm(values, norm_of(source, prefix + "attention.output.LayerNorm"), source.layer_norm_eps)
    inner = by_rows(gelu, linear("up", values))
    values = values + linear("down", inner)
    return layer_norm(values, norm_of(source, prefix + "output.LayerNorm"), source.layer_norm_eps)


def attention(qkv: Array, lengths: Sequence[int], heads: int) -> Array:
    """Softmax attention inside each text, [tokens, 3 dim] -> [tokens, dim]; q is already scaled."""
    dim = qkv.shape[1] // 3
    result = np.empty((len(qkv), dim))
    start = 0
    for length in lengths:
        rows = slice(start, start + length)
        q, k, v = (qkv[rows, part * dim : (part + 1) * dim].reshape(length, heads, -1).transpose(1, 0, 2) for part in range(3))
        mixed = product(softmax(product(q, k.transpose(0, 2, 1))), v)
        result[rows] = mixed.transpose(1, 0, 2).reshape(length, dim)
        start += length
    return result
