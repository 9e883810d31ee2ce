"""The encoder in full precision, written plainly: what quantised vectors are compared with.

Owns a BERT forward pass in float32 over token ids, by numpy's own exp and matrix product and the C library's erf. Must not use
the conversion's arithmetic, which it is to judge. Invariant: agrees with PyTorch to about 1e-6 (tests/golden).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from findling.conversion.source import Source

Floats = NDArray[np.float32]

_STEPS = 4096
_ERF = np.array([math.erf(step / _STEPS) for step in range(-6 * _STEPS, 6 * _STEPS + 2)])
_SLOPE = np.diff(_ERF)
"""erf on a grid from -6 to 6, interpolated linearly: an error below 1e-8. Beyond 6 it is 1 in float32."""


class Oracle:
    """Embeds token ids with the float32 weights of `source`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tensors = source.tensors

    def embed(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """One unit vector for each text, [texts, dim]; the ids hold start and end already."""
        return np.stack([self._vector(np.asarray(ids)) for ids in tokens])

    def _vector(self, ids: NDArray[np.int64]) -> Floats:
        words = self._tensors["embeddings.word_embeddings.weight"][ids]
        places = self._tensors["embeddings.position_embeddings.weight"][: len(ids)]
        kind = self._tensors["embeddings.token_type_embeddings.weight"][0]
        states = self._norm("embeddings.LayerNorm", words + places + kind)
        for layer in range(self._source.layers):
            prefix = f"encoder.layer.{layer}."
            attended = self._linear(f"{prefix}attention.output.dense", self._attention(prefix, states))
            states = self._norm(f"{prefix}attention.output.LayerNorm", states + attended)
            inner = _gelu(self._linear(f"{prefix}intermediate.dense", states))
            states = self._norm(f"{prefix}output.LayerNorm", states + self._linear(f"{prefix}output.dense", inner))
        pooled = states[0] if self._source.pooling == "cls" else states.mean(axis=0)
        vector: Floats = pooled / np.linalg.norm(pooled)
        return vector

    def _attention(self, prefix: str, states: Floats) -> Floats:
        length, dim = states.shape
        heads = self._source.heads
        query, key, value = (
            self._linear(f"{prefix}attention.self.{part}", states).reshape(length, heads, dim // heads).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(dim // heads))
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = powers / powers.sum(axis=-1, keepdims=True) @ value
        return np.asarray(mixed.transpose(1, 0, 2).reshape(length, dim))

    def _linear(self, name: str, inputs: Floats) -> Floats:
        outputs: Floats = inputs @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]
        return outputs

    def _norm(self, name: str, inputs: Floats) -> Floats:
        centred = inputs - inputs.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(self._source.layer_norm_eps))
        return np.asarray(centred / deviation * self._tensors[f"{name}.weight"] + self._tensors[f"{name}.bias"])


def _gelu(inputs: Floats) -> Floats:
    place = (np.clip(inputs * math.sqrt(0.5), -6.0, 6.0).astype(np.float64) + 6.0) * _STEPS
    left = place.astype(np.int32)
    error_function = _ERF[left] + (place - left) * _SLOPE[left]
    outputs: Floats = (0.5 * inputs * (1.0 + error_function)).astype(np.float32)
    return outputs
