"""One table of calculations over every backend and numpy.

Invariant under test: the backends reply with equal bytes, which lie within 1e-5 of the double precision reference.
"""

import numpy as np
import pytest

import arithmetic
from findling import engine
from findling.errors import FindlingError

TOLERANCE = 1e-5
CASES = {case.name: case for case in arithmetic.CASES}
assert len(CASES) == len(arithmetic.CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_calculation_agrees_with_the_reference_and_with_native_to_the_byte(compute, name):
    case = CASES[name]
    reply = compute(case.request, case.payload)
    expected = case.expected()
    found = arithmetic.read(reply, expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert found[key] == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), key
    else:
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert reply == engine.compute(case.request, case.payload)


@pytest.mark.parametrize("bits", [8, 4, 1])
@pytest.mark.parametrize("shape", arithmetic.SHAPES)
def test_rows_are_packed_as_the_guide_says(compute, bits, shape):
    x = arithmetic.rows(*shape)
    request = {"dim": shape[1], "bits": bits}
    packed = compute({"op": "quantize", **request}, x.tobytes())
    assert packed == arithmetic.packed(x, bits)
    back = compute({"op": "dequantize", **request}, packed)
    np.testing.assert_allclose(np.frombuffer(back, "<f4").reshape(shape), arithmetic.quantised(x.astype(float), bits), rtol=1e-6)


def test_rows_are_shortened_as_the_guide_says(compute):
    x = arithmetic.unit(arithmetic.rows(50, 256)).astype("<f4")
    assert compute({"op": "shorten", "dim": 256}, x.tobytes()) == arithmetic.shortened(x)


@pytest.mark.parametrize(("request_", "payload", "code", "detail"), [row[1:] for row in arithmetic.REFUSED], ids=[row[0] for row in arithmetic.REFUSED])
def test_what_cannot_be_computed_is_refused_with_its_code(compute, request_, payload, code, detail):
    with pytest.raises(FindlingError) as caught:
        compute(request_, payload)
    assert (caught.value.code, bool(caught.value.message)) == (code, True), caught.value.message
    assert detail.items() <= caught.value.detail.items(), caught.value.detail


@pytest.mark.parametrize("op", ["normalize", "quantize", "dequantize", "distances"])
def test_no_rows_give_no_rows(compute, op):
    more = {"distances": {"metric": "dot"}}.get(op, {} if op == "normalize" else {"bits": 8})
    assert compute({"op": op, "dim": 3, **more}, b"") == b""


def test_the_extremes_of_f32_are_computed_alike(compute):
    least, most = np.float32(1e-45), np.float32(3.4e38)
    x = np.array([[least, -least, 0], [most, -most, most], [-0.0, least, 1]], "<f4").tobytes()
    for request in (
        {"op": "normalize"}, {"op": "centroid"}, {"op": "statistics"}, {"op": "statistics", "over": "all"},
        {"op": "pool", "how": "max"}, {"op": "distances", "metric": "cosine"},
    ):  # fmt: skip
        asked = {**request, "dim": 3}
        assert compute(asked, x) == engine.compute(asked, x)
