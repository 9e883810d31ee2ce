"""Rotation, scales, GPTQ and the packing of one linear layer.

Owns what one layer must keep of its exact outputs. Must not need the engine: the contract's arithmetic is written out here.
"""

import numpy as np
import pytest

from findling.conversion import quantise
from findling.conversion.reproducible import Array
from findling.conversion.transformer import Affine

RANDOM = np.random.default_rng(5)


def _sylvester(n: int) -> Array:
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def _layer(outputs: int = 64, inputs: int = 256, tokens: int = 900) -> tuple[Affine, Array]:
    """Weights and correlated inputs with an outlier dimension and a mean, as transformers have."""
    mixing = RANDOM.standard_normal((inputs // 4, inputs))
    x = RANDOM.standard_normal((tokens, inputs // 4)) @ mixing + 0.3 * RANDOM.standard_normal((tokens, inputs))
    x[:, 7] *= 20.0
    x += RANDOM.standard_normal(inputs) * 3.0
    return Affine(RANDOM.standard_normal((outputs, inputs)) * 0.05, RANDOM.standard_normal(outputs)), x


def _engine_output(linear: quantise.QuantisedLinear, inputs: Array) -> Array:
    """What the engine computes, from the words of the contract, in double precision."""
    blocks = (inputs + linear.shift).reshape(len(inputs), -1, 128) @ _sylvester(128)
    f = blocks.reshape(len(inputs), -1)
    least, span = f.min(axis=1, keepdims=True), np.ptp(f, axis=1, keepdims=True)
    q = np.clip(np.rint((f - least) * 255.0 / span - 128.0), -128, 127)
    restored = least + (q + 128.0) * span / 255.0
    outputs: Array = restored @ linear.codes.astype(np.float64).T * linear.scale + linear.bias
    return outputs


def test_hadamard_transforms_each_block_in_sylvester_order() -> None:
    rows = RANDOM.standard_normal((3, 256))
    expected = np.concatenate([rows[:, :128] @ _sylvester(128), rows[:, 128:] @ _sylvester(128)], axis=1)
    assert np.allclose(quantise.hadamard(rows), expected, atol=1e-12)


def test_a_quantised_layer_gives_nearly_the_outputs_of_the_exact_one() -> None:
    affine, inputs = _layer()
    exact = inputs @ affine.weights.T + affine.bias
    error = _engine_output(quantise.quantise(affine, inputs), inputs) - exact
    assert np.sqrt(np.mean(error**2) / np.var(exact)) < 0.02


def test_gptq_leaves_a_smaller_error_than_plain_rounding() -> None:
    affine, inputs = _layer()
    rotated, x = quantise.hadamard(affine.weights), quantise.hadamard(inputs - inputs.mean(axis=0))
    scale = quantise.best_scale(rotated)
    plain = np.clip(np.rint(rotated / scale[:, None]), -63, 63)
    fitted = quantise.gptq(rotated, scale, x.T @ x)

    def error(codes: Array) -> float:
        return float(np.mean((x @ (codes * scale[:, None] - rotated).T) ** 2))

    assert error(fitted) < 0.6 * error(plain)


def test_the_inverse_factor_of_gptq_takes_inputs_in_falling_order_of_activation() -> None:
    weights = np.array([[0.4, 0.4]] * 8)
    scale = np.ones(8)
    correlated = np.array([[1.0, 0.9], [0.9, 4.0]])
    codes = quantise.gptq(weights, scale, correlated)
    assert np.array_equal(codes, [[0.0, 0.0]] * 8) or np.array_equal(codes, [[1.0, 0.0]] * 8)
    first_rounded_error = 0.4  # The second input is rounded first, to 0; the first one makes up for 0.4 * 0.9 / 1 of it.
    assert np.array_equal(codes[:, 0], np.rint([0.4 + first_rounded_error * 0.9 / 1.025] * 8))


def test_codes_and_scales_stay_within_what_the_kernels_take() -> None:
    affine, inputs = _layer()
    affine.weights[3] = 0.0
    linear = quantise.quantise(affine, inputs)
    assert linear.codes.min() >= -63 and linear.codes.max() <= 63
    assert np.abs(linear.codes).max() > 50
    assert (linear.scale > 0).all() and np.isfinite(linear.bias).all()
    assert not linear.codes[3].any()
    assert np.allclose(linear.shift, -inputs.mean(axis=0), rtol=1e-6)


def test_the_best_scale_is_never_worse_than_the_full_range() -> None:
    weights = RANDOM.standard_normal((40, 1536))
    full = np.abs(weights).max(axis=1) / 63
    best = quantise.best_scale(weights)

    def error(scale: Array) -> Array:
        rounded = np.clip(np.rint(weights / scale[:, None]), -63, 63) * scale[:, None]
        return np.asarray(((rounded - weights) ** 2).sum(axis=1))

    assert (error(best) <= error(full) * (1 + 1e-9)).all()
    assert np.mean(error(best) < 0.99 * error(full)) > 0.3


def test_packed_weights_lie_as_the_kernels_read_them() -> None:
    codes = RANDOM.integers(-63, 64, (16, 12)).astype(np.int8)
    packed = quantise.packed(codes).ravel()
    for output, column in ((0, 0), (3, 1), (7, 11), (8, 4), (15, 6)):
        place = ((output // 8 * 3 + column // 4) * 8 + output % 8) * 4 + column % 4
        assert packed[place] == codes[output, column] + 64


@pytest.mark.parametrize("factor", [1.0, 1e-4])
def test_word_codes_use_their_whole_range_and_a_word_of_zeros_stays_zero(factor: float) -> None:
    words = (RANDOM.standard_normal((50, 128)) * factor).astype(np.float32)
    words[4] = 0.0
    codes, scale = quantise.quantise_words(words)
    assert np.abs(codes[[0, 1, 2, 3, 5]]).max(axis=1).tolist() == [127] * 5
    assert np.abs(codes * scale[:, None] - words).max() <= 0.51 * scale.max()
    assert not codes[4].any() and scale[4] == 1.0
