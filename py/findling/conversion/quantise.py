"""One linear layer in full precision -> 7-bit weights for 8-bit activations.

Owns the recipe: shift by the calibration mean, Hadamard rotation, scale search, GPTQ. Must not know of layers, tokens, files.
Invariant: the same bits on every machine. Rotation after QuaRot (Ashkboos et al., https://arxiv.org/abs/2404.00456), rounding
after GPTQ (Frantar et al., https://arxiv.org/abs/2210.17323).

With x the input, m its mean over the calibration texts, R the rotation: W x + b = (W R)(R^T (x - m)) + (b + W m).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from findling.conversion.reproducible import BLOCK, Array, inverse_cholesky, mean, product, total
from findling.conversion.transformer import Affine

RECIPE = 1
"""Enters the space id. To be raised whenever the same source would give other vectors."""

ROTATION = 128
"""Width of the Hadamard blocks; the inputs of every linear layer are a multiple of it."""

LARGEST_CODE = 63
"""Weights are stored as code + 64, which must not exceed 127: WebAssembly's relaxed dot product defines 7 bits only."""

DAMPING = 0.01
"""Share of the mean diagonal that GPTQ adds to the diagonal, the paper's value."""

CLIPS = (1.0, 0.97, 0.94, 0.91, 0.88, 0.85)
"""Shares of a row's largest weight that are tried as the largest value its codes can express."""

HESSIAN_ROWS = 2048
"""Tokens whose contribution to the Hessian is summed exactly at a time; fixed, since the sums of chunks are rounded."""


@dataclass(frozen=True, slots=True)
class QuantisedLinear:
    """codes i8 [outputs, inputs] in -63..63; scale, bias f32 [outputs]; shift f32 [inputs], added to the input at first.

    y = (codes . f) * scale + bias, where f = hadamard(x + shift) without its factor 1/sqrt(128), which is inside `scale`.
    """

    codes: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    shift: NDArray[np.float32]


def quantise(affine: Affine, inputs: Array) -> QuantisedLinear:
    """The layer rounded so that its outputs over the calibration `inputs` [tokens, inputs] change least."""
    middle = mean(inputs, 0).astype(np.float32)
    shift = -middle
    rotated = hadamard(affine.weights) / np.sqrt(np.float64(ROTATION))
    scale = best_scale(rotated)
    codes = gptq(rotated, scale, _hessian(inputs, shift))
    bias = affine.bias + total(affine.weights * middle.astype(np.float64), 1)
    return QuantisedLinear(
        codes.astype(np.int8),
        (scale / np.sqrt(np.float64(ROTATION))).astype(np.float32),
        bias.astype(np.float32),
        shift,
    )


def hadamard(rows: Array) -> Array:
    """The Walsh-Hadamard transform of each block of 128 columns, natural (Sylvester) order, without a factor."""
    shape = rows.shape
    values = rows
    width = 1
    while width < ROTATION:
        pairs = values.reshape(-1, 2, width)
        values = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1)
        width *= 2
    return values.reshape(shape)


def rounded_activations(rows: Array) -> Array:
    """What the engine's 8-bit activations stand for: each row rounded to 256 levels between its least and its greatest number."""
    least = rows.min(axis=1, keepdims=True)
    span = np.maximum(rows.max(axis=1, keepdims=True) - least, 1e-12)
    codes = np.clip(np.rint(rows * (255.0 / span) + (-least * (255.0 / span) - 128.0)), -128.0, 127.0)
    restored: Array = (codes + 128.0) * (span / 255.0) + least
    return restored


def best_scale(weights: Array) -> Array:
    """For each output the step between two codes, of `CLIPS`, with the least squared error of plain rounding, [outputs]."""
    largest = np.maximum(weights.max(axis=1), -weights.min(axis=1))
    largest = np.where(largest > 0.0, largest, 1.0)
    best, least = largest / LARGEST_CODE, np.full(len(weights), np.inf)
    for clip in CLIPS:
        scale = largest * (clip / LARGEST_CODE)
        difference = _rounded(weights, scale[:, None]) * scale[:, None] - weights
        error = total(difference * difference, 1)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best


def gptq(weights: Array, scale: Array, hessian: Array) -> Array:
    """Codes [outputs, inputs]: columns are rounded one by one, and each error is made up for by the columns not yet rounded.

    Columns with the largest activations come first (the paper's act-order). The factor U of the inverse, H^-1 = U^T U, comes from
    one Cholesky decomposition of the reversed H: if J is the reversal and J H J = L L^T, then U = J L^-1 J.
    """
    n = len(hessian)
    diagonal = np.diagonal(hessian)
    order = np.argsort(-diagonal, kind="stable")
    damped = hessian + np.eye(n) * (DAMPING * mean(diagonal, 0))
    backwards = order[::-1]
    factor = inverse_cholesky(damped[np.ix_(backwards, backwards)])[1][::-1, ::-1]
    rest = np.ascontiguousarray(weights.T[order])  # Row i holds the weights of the i-th input for all outputs.
    codes = np.empty_like(rest)
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        errors = np.empty((end - start, rest.shape[1]))
        for at in range(start, end):
            codes[at] = _rounded(rest[at], scale)
            errors[at - start] = (rest[at] - codes[at] * scale) / factor[at, at]
            rest[at + 1 : end] -= factor[at, at + 1 : end, None] * errors[at - start]
        if end < n:
            rest[end:] -= product(factor[start:end, end:].T, errors)
    result = np.empty_like(codes)
    result[order] = codes
    return result.T


def packed(codes: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Codes [outputs, inputs] as the kernels read them: u8 [outputs / 8][inputs / 4][8][4] of code + 64."""
    outputs, inputs = codes.shape
    shifted = (codes.astype(np.int16) + 64).astype(np.uint8)
    return np.ascontiguousarray(shifted.reshape(outputs // 8, 8, inputs // 4, 4).transpose(0, 2, 1, 3))


def quantise_words(words: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Word embeddings [vocabulary, dim] as i8 codes in -127..127 and one f32 scale for each word."""
    largest = np.abs(words).max(axis=1)
    scale = np.where(largest > 0.0, largest / np.float32(127.0), np.float32(1.0)).astype(np.float32)
    codes = np.clip(np.rint(words.astype(np.float64) / scale[:, None].astype(np.float64)), -127.0, 127.0)
    return codes.astype(np.int8), scale


def _rounded(weights: Array, scale: Array) -> Array:
    return np.clip(np.rint(weights / scale), -float(LARGEST_CODE), float(LARGEST_CODE))


def _hessian(inputs: Array, shift: NDArray[np.float32]) -> Array:
    result = np.zeros((inputs.shape[1], inputs.shape[1]))
    for start in range(0, len(inputs), HESSIAN_ROWS):
        rows = rounded_activations(hadamard(inputs[start : start + HESSIAN_ROWS] + shift.astype(np.float64)))
        result += product(rows.T, rows)
    return result
