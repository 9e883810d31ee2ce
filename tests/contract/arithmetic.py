"""What `compute` is asked and what numpy answers in double precision.

Owns rows, requests and the reference of each. Must not know any backend. Invariant: a reference is written from the
definition in docs/guide/vectors.md, with other means than the core's.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
LARGEST = {8: 127, 4: 7}


def rows(count: int, dim: int, seed: int = 0) -> Floats:
    """Rows whose components differ in mean and spread, so that no two directions have equal variances."""
    random = np.random.default_rng([seed, count, dim])
    return (random.standard_normal((count, dim)) * np.geomspace(1, 0.1, dim) + random.standard_normal(dim)).astype("<f4")


def unit(x: Floats) -> Floats:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def statistics(x: Floats, axis: int | None) -> dict[str, Any]:
    found = {"mean": x.mean(axis), "std": x.std(axis), "min": x.min(axis), "max": x.max(axis)}
    return {"rows": x.shape[0], "dim": x.shape[1], **{name: np.asarray(value).tolist() for name, value in found.items()}}


def fit(x: Floats, components: int) -> Floats:
    mean = x.mean(0)
    _, singular, directions = np.linalg.svd(x - mean, full_matrices=False)
    directions = directions[:components]
    signs = np.sign(np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], 1))
    variances = singular**2 / len(x)
    return np.concatenate([mean, (directions * signs).ravel(), variances[:components], [variances.sum()]])


def quantised(x: Floats, bits: int) -> Floats:
    if bits == 1:
        return np.where(x > 0, 1, -1) * np.abs(x).mean(1, keepdims=True)
    scale = (np.abs(x).max(1, keepdims=True).astype("f4") / np.float32(LARGEST[bits])).astype("f4")
    return np.round(x.astype("f4") / scale).astype(float) * scale


def packed(x: Floats, bits: int) -> bytes:
    """Packed rows by the definition, bit by bit."""
    found = b""
    for row, kept in zip(x, quantised(x, bits), strict=True):
        scale = np.float32(np.abs(row).mean(dtype=float)) if bits == 1 else np.float32(np.abs(row).max()) / np.float32(LARGEST[bits])
        codes = (kept > 0).astype(int) if bits == 1 else np.round(kept / scale).astype(int)
        number = sum((int(code) % (1 << bits)) << (bits * at) for at, code in enumerate(codes))
        found += np.float32(scale).tobytes() + number.to_bytes(-(-len(row) * bits // 8), "little")
    return found


def loss(x: Floats, bits: int) -> dict[str, Any]:
    kept = quantised(x, bits)
    apart = np.abs(x - kept)
    return {
        "rows": x.shape[0],
        "dim": x.shape[1],
        "bits": bits,
        "row_bytes": 4 + -(-x.shape[1] * bits // 8),
        "mean_error": apart.mean(),
        "max_error": apart.max(),
        "mean_cosine": (unit(x) * unit(kept)).sum(1).mean(),
    }


def distances(a: Floats, b: Floats, metric: str) -> Floats:
    if metric == "cosine":
        return unit(a) @ unit(b).T
    if metric == "dot":
        return a @ b.T
    apart = a[:, None] - b[None]
    return np.sqrt((apart**2).sum(2)) if metric == "euclidean" else np.abs(apart).sum(2)


@dataclass(frozen=True)
class Case:
    """A request, its payload, and the reference: numbers, or what JSON holds."""

    name: str
    request: dict[str, Any]
    payload: bytes
    expected: Callable[[], Any]


def case(name: str, x: Floats, expected: Callable[[Floats], Any], op: str, payload: bytes | None = None, **request: Any) -> Case:
    """A case over rows; the reference gets them in double precision."""
    asked = {"op": op, "dim": x.shape[1], **request}
    given = x.tobytes() if payload is None else payload
    return Case(f"{op} {name}", asked, given, lambda: expected(x.astype(float)))


def cases_of(x: Floats) -> list[Case]:
    count, dim = x.shape
    name = f"{count} x {dim}"
    weights = [round(0.25 * (at % 5) + 0.1, 2) for at in range(count)]
    made = [
        case(name, x, unit, "normalize"),
        case(name, x, lambda x: x.mean(0), "centroid"),
        case(f"{name} normalized", x, lambda x: unit(x.mean(0)), "centroid", normalized=True),
        case(name, x, lambda x: statistics(x, 0), "statistics"),
        case(f"{name} all", x, lambda x: statistics(x, None), "statistics", over="all"),
        case(f"{name} mean", x, lambda x: x.mean(0), "pool", how="mean"),
        case(f"{name} max", x, lambda x: x.max(0), "pool", how="max"),
        case(f"{name} sum", x, lambda x: x.sum(0), "pool", how="sum"),
        case(f"{name} weighted", x, lambda x: np.average(x, 0, weights), "pool", how="weighted", weights=weights),
    ]
    for bits in (8, 4, 1):
        made += [
            case(f"{name} {bits} bits", x, lambda x, bits=bits: quantised(x, bits), "dequantize", packed(x, bits), bits=bits),
            case(f"{name} {bits} bits", x, lambda x, bits=bits: loss(x, bits), "loss", bits=bits),
        ]
    for metric in ("cosine", "dot", "euclidean", "manhattan"):
        made.append(case(f"{name} {metric}", x, lambda x, metric=metric: distances(x, x, metric), "distances", metric=metric))
        if count > 1:
            made.append(case(f"{name} {metric} of 1", x, lambda x, metric=metric: distances(x[:1], x[1:], metric), "distances", metric=metric, queries=1))
    return made


def fits(count: int, dim: int, components: int) -> list[Case]:
    x = rows(count, dim, 1)
    name = f"{components} of {count} x {dim}"
    fitted = fit(x.astype(float), components)[: (1 + components) * dim].astype("<f4")
    mean, directions = fitted[:dim].astype(float), fitted[dim:].reshape(components, dim).astype(float)
    return [
        case(name, x, lambda x: fit(x, components), "fit", components=components),
        case(name, x, lambda x: (x - mean) @ directions.T, "transform", fitted.tobytes() + x.tobytes(), components=components),
    ]


def shortened(x: Floats) -> bytes:
    """The codes of rows of 256 components, by the definition."""
    step = 0.9957 * np.sqrt((x.astype(float) ** 2).mean(1, keepdims=True))
    codes = np.clip(np.floor(x / step), -2, 1).astype(int) + 2
    levels = 2 * codes - 3
    scales = ((x.astype(float) ** 2).sum(1) / (levels * x).sum(1)).astype("<f2")
    planes = codes.reshape(-1, 4, 64)
    packed_ = sum(planes[:, plane] << (2 * plane) for plane in range(4)).astype(np.uint8)
    return b"".join(row.tobytes() + scale.tobytes() for row, scale in zip(packed_, scales, strict=True))


def ridges(items: int, bags: int, dim: int) -> list[Case]:
    """Bags of up to five weighted items; the last bag is empty, and the last item is in none."""
    random = np.random.default_rng([items, bags, dim])
    sizes = [*random.integers(1, 6, bags - 1), 0]
    named = random.integers(0, items - 1, sum(sizes)).astype("<u4")
    weights = random.uniform(0.2, 1.0, len(named)).astype("<f4")
    prior, targets = rows(items, dim, 3), unit(rows(bags, dim, 4)).astype("<f4")

    def expected(_: Floats) -> Floats:
        plain = np.zeros((bags, items))
        np.add.at(plain, (np.repeat(np.arange(bags), sizes), named), weights)
        found = prior.astype(float)
        for _round in range(2):
            scaled = plain / np.maximum(np.linalg.norm(plain @ found, axis=1, keepdims=True), 1e-3)
            left = scaled.T @ (targets - scaled @ prior)
            found = prior + np.linalg.solve(scaled.T @ scaled + 0.5 * np.eye(items), left)
        return found

    parts = [np.cumsum(sizes).astype("<u4"), named, weights, prior, targets]
    payload = b"".join(part.tobytes() for part in parts)
    more = {"items": items, "bags": bags, "entries": len(named), "lambda": 0.5, "rounds": 2, "steps": 40}
    return [case(f"{items} in {bags} x {dim}", prior, expected, "ridge", payload, **more)]


SHAPES = [(1, 1), (1, 5), (3, 16), (7, 17), (20, 100), (2, 4096)]
CASES = [each for shape in SHAPES for each in cases_of(rows(*shape))]
# More rows than dimensions and fewer: each takes another way.
CASES += [each for shape in [(40, 1, 1), (60, 24, 24), (200, 33, 5), (12, 150, 11), (5, 384, 3)] for each in fits(*shape)]
CASES += [each for shape in [(2, 2, 1), (4, 9, 5), (7, 30, 33), (5, 3, 256)] for each in ridges(*shape)]

X = rows(2, 4)
RIDGE = {"op": "ridge", "dim": 1, "items": 2, "bags": 1, "entries": 2, "lambda": 1, "rounds": 1, "steps": 1}
BAG = np.array([2, 0, 1], "<u4").tobytes() + np.ones(5, "<f4").tobytes()
NONE = b""
# What every backend refuses: name, request, payload, code, and what the detail has to hold.
REFUSED: list[tuple[str, dict[str, Any], bytes, str, dict[str, Any]]] = [
    ("an unknown operation", {"op": "invert", "dim": 4}, NONE, "bad_request", {}),
    ("no operation", {"dim": 4}, NONE, "bad_request", {}),
    ("an unknown key", {"op": "normalize", "dim": 4, "k": 1}, NONE, "bad_request", {}),
    ("dim 0", {"op": "normalize", "dim": 0}, NONE, "bad_request", {"dim": 0}),
    ("dim 0 of packed rows", {"op": "dequantize", "dim": 0, "bits": 8}, NONE, "bad_request", {"dim": 0}),
    ("dim 4097", {"op": "normalize", "dim": 4097}, NONE, "bad_request", {"dim": 4097}),
    ("a dim that is no whole number", {"op": "normalize", "dim": 1.5}, NONE, "bad_request", {}),
    ("half a row", {"op": "normalize", "dim": 4}, X.tobytes()[:-4], "wrong_dim", {"dim": 4, "row_bytes": 16, "payload_bytes": 28}),
    ("half a packed row", {"op": "dequantize", "dim": 4, "bits": 8}, bytes(9), "wrong_dim", {"row_bytes": 8}),
    ("NaN", {"op": "centroid", "dim": 2}, np.array([1, 2, np.nan, 3], "<f4").tobytes(), "bad_input", {"row": 1, "component": 0}),
    ("infinity", {"op": "statistics", "dim": 4}, np.array([1, 2, 3, -np.inf], "<f4").tobytes(), "bad_input", {"row": 0, "component": 3}),
    ("zeros to normalize", {"op": "normalize", "dim": 1}, np.array([1, 0], "<f4").tobytes(), "bad_input", {"row": 1}),
    ("a mean without direction", {"op": "centroid", "dim": 1, "normalized": True}, np.array([1, -1], "<f4").tobytes(), "bad_input", {"rows": 2}),
    ("zeros to quantise", {"op": "quantize", "dim": 1, "bits": 1}, np.array([1, 0], "<f4").tobytes(), "bad_input", {"row": 1}),
    ("zeros in a cosine", {"op": "distances", "dim": 1, "metric": "cosine", "queries": 1}, np.array([1, 0], "<f4").tobytes(), "bad_input", {"row": 1}),
    *((f"no rows to {op}", {"op": op, "dim": 4, **more}, NONE, "bad_input", {"rows": 0}) for op, more in [
        ("centroid", {}), ("statistics", {}), ("pool", {"how": "mean"}), ("fit", {"components": 1}), ("loss", {"bits": 8})]),  # fmt: skip
    ("a sum beyond f32", {"op": "pool", "dim": 1, "how": "sum"}, np.full(2, 3e38, "<f4").tobytes(), "bad_input", {"number": 0}),
    ("weights without weighted", {"op": "pool", "dim": 4, "how": "mean", "weights": [1, 1]}, X.tobytes(), "bad_request", {}),
    ("weighted without weights", {"op": "pool", "dim": 4, "how": "weighted"}, X.tobytes(), "bad_request", {}),
    ("too few weights", {"op": "pool", "dim": 4, "how": "weighted", "weights": [1]}, X.tobytes(), "bad_request", {"rows": 2, "weights": 1}),
    ("a negative weight", {"op": "pool", "dim": 4, "how": "weighted", "weights": [1, -1]}, X.tobytes(), "bad_request", {"weight": 1}),
    ("weights of zero", {"op": "pool", "dim": 4, "how": "weighted", "weights": [0, 0]}, X.tobytes(), "bad_request", {}),
    ("three bits", {"op": "quantize", "dim": 4, "bits": 3}, X.tobytes(), "bad_request", {"bits": 3}),
    ("a scale of zero", {"op": "dequantize", "dim": 4, "bits": 8}, bytes(8), "bad_input", {"row": 0}),
    ("the code -128", {"op": "dequantize", "dim": 1, "bits": 8}, b"\0\0\x80\x3f\x80", "bad_input", {"row": 0}),
    ("bits beyond the last component", {"op": "dequantize", "dim": 1, "bits": 1}, b"\0\0\x80\x3f\x02", "bad_input", {"row": 0}),
    ("short rows of another length", {"op": "shorten", "dim": 4}, X.tobytes(), "wrong_dim", {"found": 4, "wanted": 256}),
    ("zeros to shorten", {"op": "shorten", "dim": 256}, bytes(1024), "bad_input", {"row": 0}),
    ("bags that end beyond their entries", {**RIDGE, "entries": 1}, np.array([2, 0], "<u4").tobytes() + bytes(16), "bad_request", {"end": 2}),
    ("an item that there is not", {**RIDGE, "items": 1}, BAG[:-4], "bad_request", {"items": 1}),
    ("a ridge without lambda", {**RIDGE, "lambda": 0}, BAG, "bad_request", {"lambda": 0}),
    ("too many steps", {**RIDGE, "steps": 101}, BAG, "bad_request", {"steps": 101}),
    ("bags without their rows", RIDGE, BAG[:-4], "wrong_dim", {}),
    ("counts beyond memory", {**RIDGE, "items": 2**31, "dim": 4096}, BAG, "wrong_dim", {}),
    ("no queries", {"op": "distances", "dim": 4, "metric": "dot", "queries": 0}, X.tobytes(), "bad_request", {"queries": 0}),
    ("more queries than rows", {"op": "distances", "dim": 4, "metric": "dot", "queries": 3}, X.tobytes(), "bad_request", {"rows": 2, "wanted": 3}),
    ("a reply that is too large", {"op": "distances", "dim": 1, "metric": "dot"}, bytes(4 * 12000), "bad_request", {"queries": 12000}),
    ("more components than dimensions", {"op": "fit", "dim": 4, "components": 5}, X.tobytes(), "bad_request", {"components": 5}),
    ("more components than the rows differ in", {"op": "fit", "dim": 4, "components": 2}, X.tobytes(), "bad_input", {"directions": 1}),
    ("equal rows", {"op": "fit", "dim": 2, "components": 1}, np.ones((9, 2), "<f4").tobytes(), "bad_input", {"directions": 0}),
    ("no fit to transform with", {"op": "transform", "dim": 4, "components": 2}, X.tobytes(), "bad_request", {"rows": 2, "wanted": 3}),
]


def read(reply: bytes, expected: Any) -> Any:
    """A reply as what its reference is: numbers of the same shape, or a JSON object."""
    return json.loads(reply) if isinstance(expected, dict) else np.frombuffer(reply, "<f4").reshape(np.shape(expected))
