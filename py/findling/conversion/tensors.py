"""Reads a safetensors file into numpy arrays.

Owns the checks of that format: the length of the header, the type, shape and byte range of each tensor. Must not know what the
tensors mean. Invariant: no array is made before its byte range has been found to lie inside the file and to fit its shape.
Format: https://huggingface.co/docs/safetensors (8 bytes little-endian header length, JSON header, data).
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from findling.errors import BadFormat, BadInput

MAX_HEADER_BYTES = 100_000_000
"""The limit of the format itself."""

_WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The floating-point tensors of a safetensors file by name, as float32 in their own shapes; other types are left out.

    Raises `BadFormat` for a damaged file and `BadInput` where a number is NaN or infinite.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    header, start = _header(path, content)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            tensor = _tensor(path, name, entry, memoryview(content)[start:])
            if tensor is not None:
                tensors[name] = tensor
    return tensors


def _header(path: Path, content: bytes) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(MAX_HEADER_BYTES, len(content) - 8):
        raise BadFormat(f"{path} is not a safetensors file: its header does not fit; fetch the file again", file=str(path))
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError as error:
        raise BadFormat(
            f"{path} is not a safetensors file: its header is not JSON; fetch the file again", file=str(path)
        ) from error
    if not isinstance(header, dict):
        raise BadFormat(f"{path} is not a safetensors file: its header is not a JSON object", file=str(path))
    return header, 8 + length


def _tensor(path: Path, name: str, entry: Any, data: memoryview) -> NDArray[np.float32] | None:
    damaged = BadFormat(
        f"{path}: the header entry of tensor {name!r} is malformed; fetch the file again", file=str(path), tensor=name
    )
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        raise damaged
    shape, offsets = _counts(entry.get("shape")), _counts(entry.get("data_offsets"))
    if shape is None or offsets is None or len(offsets) != 2 or not offsets[0] <= offsets[1] <= len(data):
        raise damaged
    width = _WIDTHS.get(entry["dtype"])
    if width is None:
        return None
    part = data[offsets[0] : offsets[1]]
    if math.prod(shape) * width != len(part):
        raise damaged
    tensor = _as_float32(entry["dtype"], part).reshape(shape)
    if not np.isfinite(tensor).all():
        raise BadInput(
            f"{path}: tensor {name!r} holds NaN or infinite numbers; this model cannot be used", file=str(path), tensor=name
        )
    return tensor


def _counts(value: Any) -> list[int] | None:
    """The value if it is a list of whole numbers from 0 on."""
    if isinstance(value, list) and all(type(number) is int and number >= 0 for number in value):
        return value
    return None


def _as_float32(kind: str, part: memoryview) -> NDArray[np.float32]:
    if kind == "BF16":
        return (np.frombuffer(part, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(part, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[kind]).astype(np.float32)
