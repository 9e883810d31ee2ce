"""The safetensors reader: types are converted, and every kind of damage is refused before an array is made.

Owns the hostile headers. Must not need more than a temporary folder.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from families import write_tensors
from findling.conversion.tensors import read_tensors
from findling.errors import BadFormat, BadInput


def _write(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(encoded) if length is None else length).to_bytes(8, "little") + encoded + data)
    return path


def test_all_floating_types_are_read_as_float32_in_their_shapes(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.0, 0.25], [3.0, 0.0, -0.5]])
    bfloat = (values.astype("<f4").view("<u4") >> 16).astype("<u2")
    path = tmp_path / "model.safetensors"
    tensors = {"f64": values, "f32": values.astype("<f4"), "f16": values.astype("<f2"), "bf16": bfloat, "i64": np.arange(3)}
    write_tensors(path, tensors, {"bf16": "BF16"})
    read = read_tensors(path)
    assert sorted(read) == ["bf16", "f16", "f32", "f64"], "whole numbers are not weights"
    for tensor in read.values():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, values)


def _entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (b"", 0),
        (b"{", None),
        (b"[1]", None),
        (b"{}", 2**63),
        (b"{}", 3),
        ({"a": 1}, None),
        ({"a": _entry(dtype=4)}, None),
        ({"a": _entry(shape=None)}, None),
        ({"a": _entry(shape=[-2])}, None),
        ({"a": _entry(shape=[True, 2])}, None),
        ({"a": _entry(shape=[2.0])}, None),
        ({"a": _entry(shape=[3])}, None),
        ({"a": _entry(shape=[2**40, 2**40])}, None),
        ({"a": _entry(data_offsets=[0])}, None),
        ({"a": _entry(data_offsets=[8, 0])}, None),
        ({"a": _entry(data_offsets=[4, 12])}, None),
        ({"a": _entry(data_offsets=[0, 2**70])}, None),
    ],
)
def test_a_damaged_file_is_refused_as_bad_format(tmp_path: Path, header: Any, length: int | None) -> None:
    path = _write(tmp_path / "model.safetensors", header, bytes(8), length)
    if header == b"" and length == 0:
        path.write_bytes(b"\1\0\0")
    with pytest.raises(BadFormat, match="safetensors"):
        read_tensors(path)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_the_tensor_named(tmp_path: Path, number: float) -> None:
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"fine": np.ones(2, "<f4"), "spoilt": np.array([1, number], "<f4")})
    with pytest.raises(BadInput, match="spoilt"):
        read_tensors(path)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.safetensors"):
        read_tensors(tmp_path / "model.safetensors")
