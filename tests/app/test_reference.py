"""The reference engine against sums done by hand, because everything else is compared with it.

Invariant under test: codes, scales and scores are those of the contract.
"""

import json

import numpy as np
import pytest

from findling.engine import encode
from findling.errors import BadInput
from findling.reference import ReferenceEngine, document_codes, query_codes, score


def test_codes_are_rounded_halves_to_even_at_127_for_the_largest():
    codes, scale = document_codes(np.array([-127.0, 0.5, 1.5, 2.5, -0.5], np.float32))
    assert codes == [-127, 0, 2, 2, 0]
    assert scale == 1.0


def test_query_codes_reach_2047():
    codes, scale = query_codes(np.array([1.0, -0.5], np.float32))
    assert codes[0] == 2047
    assert scale == pytest.approx(1 / 2047)


def test_a_score_is_the_dot_product_of_what_the_codes_stand_for():
    assert score(([2, -3], 0.5), ([10, 4], 0.25)) == (20 - 12) * 0.5 * 0.25


def test_codes_are_near_the_vectors():
    rng = np.random.default_rng(1)
    one, two = rng.normal(size=(2, 384)).astype(np.float32)
    one, two = one / np.linalg.norm(one), two / np.linalg.norm(two)
    assert score(query_codes(one), document_codes(two)) == pytest.approx(float(one @ two), abs=2e-3)


@pytest.mark.parametrize("vector", [[0.0, 0.0], [1.0, float("nan")], [float("inf"), 0.0]])
def test_vectors_without_direction_are_refused(vector):
    with pytest.raises(BadInput):
        document_codes(np.array(vector, np.float32))


def test_texts_that_share_words_are_nearer_than_texts_that_do_not():
    engine = ReferenceEngine.with_hashed_words()
    request = encode({"texts": ["red apple", "Apple, red!", "blue boat"], "kind": "passage"})
    red, same, blue = np.frombuffer(engine.embed(request), "<f4").reshape(3, -1)
    assert red @ same == pytest.approx(1.0)
    assert abs(red @ blue) < 0.3


def test_status_tells_what_is_held():
    engine = ReferenceEngine.with_hashed_words(dim=300)
    engine.open(encode({"index": "a"}))
    status = json.loads(engine.status())
    assert status["model"]["dim"] == 300
    assert status["indexes"]["a"]["documents"] == 0
