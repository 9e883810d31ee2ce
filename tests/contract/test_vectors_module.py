"""`findling.vectors`: what Python gives and gets, over the native engine."""

import array

import numpy as np
import pytest

import arithmetic
from findling import vectors
from findling.errors import BadInput, BadRequest, WrongDim

X = arithmetic.rows(6, 5)


@pytest.mark.parametrize(
    "rows",
    [
        X,
        X.tolist(),
        list(X),
        [array.array("f", row) for row in X],
        [list(row) for row in X],
        tuple(map(tuple, X.tolist())),
        X.astype(float),
        np.repeat(X, 2, 1)[:, ::2],
        np.asfortranarray(X),
        memoryview(X),
    ],
    ids=["array", "lists", "arrays", "buffers", "scalars", "tuples", "f64", "strided", "fortran", "memoryview"],
)
def test_every_way_to_give_rows_means_the_same(rows):
    assert vectors.normalize(rows) == vectors.normalize(X)


def test_one_vector_counts_as_one_row():
    assert vectors.normalize([3.0, 4.0]).tolist() == [[np.float32(0.6), np.float32(0.8)]]
    assert vectors.centroid(X[0]).tolist() == X[0].tolist()


def test_results_have_a_shape_and_can_be_given_again():
    unit = vectors.normalize(X)
    assert (unit.format, unit.shape) == ("f", (6, 5))
    assert vectors.centroid(unit).shape == (5,)
    np.testing.assert_allclose(np.asarray(vectors.centroid(X, normalized=True)), arithmetic.unit(X.mean(0)), rtol=1e-5)
    assert vectors.distances(unit).shape == (6, 6)
    assert vectors.distances(unit, X[:4], metric="manhattan").shape == (6, 4)


def test_statistics_and_pools():
    over = vectors.statistics(X)
    np.testing.assert_allclose(over.std, X.astype(float).std(0))
    assert vectors.statistics(X, over="all").max == X.max()
    weights = [1, 0, 0.5, 0, 2, 1]
    np.testing.assert_allclose(np.asarray(vectors.pool(X, "weighted", weights=weights)), np.average(X.astype(float), 0, weights), rtol=1e-5)
    assert vectors.pool(X, "max").tolist() == X.max(0).tolist()


@pytest.mark.parametrize("bits", [8, 4, 1])
def test_quantised_rows_come_back(bits):
    packed = vectors.quantize(X, bits)
    assert packed.shape == (6, 4 + -(-5 * bits // 8))
    back = vectors.dequantize(packed, 5, bits)
    cost = vectors.loss(X, bits)
    assert np.abs(np.asarray(back) - X).max() == pytest.approx(cost.max_error, rel=1e-5)
    assert vectors.quantize(back, bits) == packed
    assert (cost.row_bytes, cost.mean_cosine > 0.7) == (packed.shape[1], True)


def test_components_keep_what_differs():
    x = arithmetic.rows(50, 8)
    pca = vectors.Pca.fit(x, 8)
    seen = np.asarray(pca.transform(x)).astype(float)
    np.testing.assert_allclose(seen.var(0), np.asarray(pca.variances), rtol=1e-4)
    assert sum(pca.variances) == pytest.approx(pca.total, rel=1e-5)
    np.testing.assert_allclose(seen @ np.asarray(pca.components) + np.asarray(pca.mean), x, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: vectors.normalize([]), BadInput),
        (lambda: vectors.normalize([[]]), BadInput),
        (lambda: vectors.distances([[]], [[]]), BadInput),
        (lambda: vectors.normalize(np.zeros((0, 3), "f4")), BadInput),
        (lambda: vectors.normalize([[1.0, 2.0], [1.0]]), WrongDim),
        (lambda: vectors.normalize([["a"]]), BadInput),
        (lambda: vectors.normalize(["ab"]), BadInput),
        (lambda: vectors.normalize(b"bytes"), BadInput),
        (lambda: vectors.normalize(np.ones((2, 2), "i4")), BadInput),
        (lambda: vectors.normalize(np.ones((2, 2), ">f4")), BadInput),
        (lambda: vectors.normalize(np.ones((2, 2, 2), "f4")), BadInput),
        (lambda: vectors.normalize([np.ones((2, 2), "f4")]), BadInput),
        (lambda: vectors.normalize([1e300]), BadInput),
        (lambda: vectors.normalize([[0.0, 0.0]]), BadInput),
        (lambda: vectors.distances([1.0, 2.0], [[1.0]]), WrongDim),
        (lambda: vectors.dequantize(b"", 3), BadInput),
        (lambda: vectors.dequantize(bytes(8), 3), WrongDim),
        (lambda: vectors.pool(X, "weighted", weights=[float("nan")] * 6), BadRequest),
        (lambda: vectors.quantize(X, 2), BadRequest),
        (lambda: vectors.Pca.fit(X, 0), BadRequest),
        (lambda: vectors.Pca.fit(X, 3).transform([1.0]), WrongDim),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_code(call, error):
    with pytest.raises(error) as caught:
        call()
    assert caught.value.message
