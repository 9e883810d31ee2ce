"""Linear algebra and elementary functions whose results have the same bits on every machine.

A BLAS sums in an order that depends on the CPU and the number of threads, and np.exp differs between instruction sets. Here
every result comes either from sums of integers that stay below 2^53 in double precision, which are exact in any order,
or from single IEEE operations in an order that is written down. Must not know what the numbers mean.

Products follow Ozaki, Ogita, Oishi, Rump: "Error-free transformations of matrix multiplication by using fast routines of
matrix multiplication and its applications", Numerical Algorithms 59 (2012): operands are cut into integer slices, which are
multiplied by each other.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCK = 64
"""Rows of a diagonal block in `inverse_cholesky`, and of GPTQ, worked on elementwise."""

CHUNK = 1024
"""Rows that `by_rows` hands out at once: small enough for a cache, large enough for a BLAS."""


def product(left: Array, right: Array, slices: int = 1) -> Array:
    """The matrix product [..., m, k] x [..., k, n], the same bits everywhere.

    Each row of `left` and each column of `right` is rounded to `slices` integers of (53 - log2 k) / 2 bits relative to its
    largest number: about 21 bits a slice for k = 1024. One slice is float32-like, two are close to double precision.
    """
    bits = (53 - math.ceil(math.log2(max(left.shape[-1], 2)))) // 2
    left_slices, left_unit = _sliced(left, -1, bits, slices)
    right_slices, right_unit = _sliced(right, -2, bits, slices)
    total: Array | None = None
    for order in range(slices - 1, -1, -1):  # From the smallest contributions to the largest.
        for at in range(order + 1):
            part = (left_slices[at] @ right_slices[order - at]) * math.ldexp(1.0, -bits * order)
            total = part if total is None else total + part
    assert total is not None
    return total * left_unit * right_unit


def _sliced(matrix: Array, axis: int, bits: int, slices: int) -> tuple[list[Array], Array]:
    """Integers s0, s1, ... of at most `bits` bits and a power of two u a line: matrix ~ u (s0 + s1 / 2^bits + ...)."""
    largest = np.maximum(matrix.max(axis=axis, keepdims=True), -matrix.min(axis=axis, keepdims=True))
    exponent = np.frexp(largest)[1]
    rest = matrix * np.ldexp(1.0, bits - exponent)
    parts = []
    for _ in range(slices):
        whole = np.rint(rest)
        parts.append(whole)
        rest = (rest - whole) * math.ldexp(1.0, bits)
    return parts, np.ldexp(1.0, exponent - bits)


def total(values: Array, axis: int) -> Array:
    """The sum along `axis`, which disappears, by adding the second half to the first until one line is left."""
    values = np.moveaxis(values, axis, 0)
    while len(values) > 1:
        half = len(values) // 2
        paired = values[:half] + values[half : 2 * half]
        values = np.concatenate([paired, values[2 * half :]]) if len(values) % 2 else paired
    result: Array = values[0]
    return result


def mean(values: Array, axis: int) -> Array:
    """The mean along `axis`, which disappears."""
    return np.divide(total(values, axis), values.shape[axis])


def by_rows(function: Callable[[Array], Array], values: NDArray[Any], width: int | None = None) -> Array:
    """`function` of the rows [n, k] -> [n, width], some at a time. Only for functions that treat every row alone."""
    result = np.empty((len(values), values.shape[1] if width is None else width))
    for start in range(0, len(values), CHUNK):
        result[start : start + CHUNK] = function(values[start : start + CHUNK])
    return result


_LN2_HIGH = 6.93147180369123816490e-01  # ln 2 with 21 trailing zero bits, so that n * _LN2_HIGH is exact.
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_FACTORIALS = [1.0 / math.factorial(power) for power in range(14)]


def exp(values: Array) -> Array:
    """e^x for x <= 700, 0 below -700. Cody and Waite's reduction x = n ln 2 + r, then the Taylor series to r^13 (error 1e-16)."""
    clipped = np.maximum(values, -700.0)
    count = np.rint(clipped * (1.0 / math.log(2.0)))
    rest = (clipped - count * _LN2_HIGH) - count * _LN2_LOW
    result = np.full_like(rest, _INVERSE_FACTORIALS[-1])
    for coefficient in reversed(_INVERSE_FACTORIALS[:-1]):
        result *= rest
        result += coefficient
    return np.where(values < -700.0, 0.0, np.ldexp(result, count.astype(np.int32)))


def gelu(values: Array) -> Array:
    """x Phi(x), with the error function by formula 7.1.26 of Abramowitz and Stegun (absolute error 1.5e-7)."""
    size = np.abs(values) * math.sqrt(0.5)
    inverse = 1.0 / (1.0 + 0.3275911 * size)
    tail = np.full_like(size, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail *= inverse
        tail += coefficient
    tail *= inverse * exp(-size * size)
    return 0.5 * values * (1.0 + np.copysign(1.0 - tail, values))


def softmax(values: Array) -> Array:
    """e^x over its sum along the last axis."""
    powers = exp(values - values.max(axis=-1, keepdims=True))
    return powers / total(powers, -1)[..., None]


def inverse_cholesky(matrix: Array) -> tuple[Array, Array]:
    """The lower triangular L with L L^T = `matrix` (symmetric, positive definite, [n, n]), and its inverse.

    By halves: for [[A, C^T], [C, B]], L11 from A, L21 = C L11'^T, L22 from B - L21 L21^T, and L21' = -L22' L21 L11', where ' is
    the inverse (Golub and Van Loan, Matrix Computations, 4.2). Raises `ArithmeticError` where it is not positive definite.
    """
    n = len(matrix)
    if n <= BLOCK:
        lower = _cholesky_small(matrix)
        return lower, _inverse_small(lower)
    middle = n // 2
    lower, inverse = np.zeros_like(matrix), np.zeros_like(matrix)
    first, second = slice(0, middle), slice(middle, n)
    lower[first, first], inverse[first, first] = inverse_cholesky(matrix[first, first])
    lower[second, first] = product(matrix[second, first], inverse[first, first].T, slices=2)
    rest = matrix[second, second] - product(lower[second, first], lower[second, first].T, slices=2)
    lower[second, second], inverse[second, second] = inverse_cholesky(rest)
    inverse[second, first] = -product(
        product(inverse[second, second], lower[second, first], slices=2), inverse[first, first], slices=2
    )
    return lower, inverse


def _cholesky_small(matrix: Array) -> Array:
    rest = matrix.copy()
    result = np.zeros_like(rest)
    for at in range(len(rest)):
        if not rest[at, at] > 0.0:
            raise ArithmeticError("the matrix is not positive definite")
        column = rest[at:, at] / np.sqrt(rest[at, at])
        result[at:, at] = column
        rest[at:, at:] -= column[:, None] * column[None, :]
    return result


def _inverse_small(lower: Array) -> Array:
    result = np.eye(len(lower))
    for at in range(len(lower)):
        result[at] /= lower[at, at]
        result[at + 1 :] -= lower[at + 1 :, at, None] * result[at]
    return result
