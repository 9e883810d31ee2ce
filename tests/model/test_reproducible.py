"""Arithmetic that must not depend on the machine: true values, and the same bits under every BLAS and instruction set.

Owns the settings under which a conversion must give the same bytes. Must not need the engine or a real model.
"""

import importlib
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from families import MINILM, write_folder
from findling.conversion import reproducible

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(11)


def _well_scaled(*shape: int) -> reproducible.Array:
    return RANDOM.standard_normal(shape) * np.exp(RANDOM.standard_normal((*shape[:-1], 1)))


@pytest.mark.parametrize(("slices", "error"), [(1, 1e-5), (2, 1e-11), (3, 1e-14)])
def test_a_product_is_as_close_to_the_true_one_as_its_slices_promise(slices: int, error: float) -> None:
    left, right = _well_scaled(70, 1536), _well_scaled(1536, 50)
    exact = left.astype(np.longdouble) @ right.astype(np.longdouble)
    size = np.abs(left).max(axis=1)[:, None] * np.abs(right).max(axis=0) * math.sqrt(1536)
    assert np.abs(reproducible.product(left, right, slices) - exact).max() <= error * size.max()


def test_the_slices_of_a_product_add_up_exactly_in_any_order() -> None:
    left, right = _well_scaled(9, 1000), _well_scaled(1000, 7)
    order = RANDOM.permutation(1000)
    assert np.array_equal(reproducible.product(left, right), reproducible.product(left[:, order], right[order]))
    assert not np.array_equal(left @ right, left[:, order] @ right[order]), "the case is too easy to show anything"


def test_a_product_with_rows_of_zeros_has_zeros_there() -> None:
    left = np.zeros((2, 4))
    left[1] = 1.0
    assert np.array_equal(reproducible.product(left, np.ones((4, 3))), [[0.0] * 3, [4.0] * 3])


def test_sums_along_an_axis_are_right_for_odd_and_even_lengths() -> None:
    for length in (1, 2, 3, 7, 384, 1001):
        values = RANDOM.integers(-9, 9, (length, 3)).astype(np.float64)
        assert np.array_equal(reproducible.total(values, 0), values.sum(axis=0))
        assert np.array_equal(reproducible.total(values.T, 1), values.sum(axis=0))


def test_exp_and_gelu_and_softmax_are_close_to_the_true_functions() -> None:
    values = np.concatenate([np.linspace(-60, 60, 4001), [-1000.0, -700.5, 0.0]])
    assert np.allclose(reproducible.exp(values), np.exp(values), rtol=1e-14, atol=1e-300)
    true = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in values[:-3]]
    assert np.abs(reproducible.gelu(values[:-3]) - true).max() < 1e-6
    rows = RANDOM.standard_normal((5, 9)) * 20
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    assert np.allclose(reproducible.softmax(rows), powers / powers.sum(axis=1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize("n", [5, 64, 65, 200])
def test_the_cholesky_factor_and_its_inverse_undo_the_matrix(n: int) -> None:
    rows = RANDOM.standard_normal((2 * n, n))
    matrix = rows.T @ rows + 0.01 * np.eye(n)
    lower, inverse = reproducible.inverse_cholesky(matrix)
    assert np.array_equal(lower, np.tril(lower))
    assert np.array_equal(inverse, np.tril(inverse))
    assert np.allclose(lower @ lower.T, matrix, rtol=1e-9, atol=1e-9 * np.abs(matrix).max())
    assert np.allclose(inverse @ lower, np.eye(n), atol=1e-8)


def test_cholesky_refuses_a_matrix_that_is_not_positive_definite() -> None:
    with pytest.raises(ArithmeticError):
        reproducible.inverse_cholesky(np.diag([1.0, -1.0]))


def test_a_conversion_gives_the_same_bytes_for_any_number_of_threads_and_any_cpu(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, replace(MINILM, layers=1, dim=256, heads=8, intermediate=768))
    # The instruction sets that numpy can be kept from using.
    numpy_build: Any = importlib.import_module("numpy._core._multiarray_umath")

    features = [name for name in numpy_build.__cpu_dispatch__ if numpy_build.__cpu_features__[name]]
    settings = [
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"},
        {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Sandybridge", "NPY_DISABLE_CPU_FEATURES": " ".join(features)},
    ]
    path = os.pathsep.join(filter(None, sys.path))
    digests = [
        subprocess.run(
            [sys.executable, str(HERE / "digest_of_conversion.py"), str(folder)],
            env=os.environ | {"PYTHONPATH": path} | setting,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for setting in settings
    ]
    assert len(digests[0].strip()) == 64
    assert len(set(digests)) == 1, dict(zip(map(str, settings), digests, strict=True))
