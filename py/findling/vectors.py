"""Arithmetic on vectors in f32: normalize, centroid, statistics, pool, principal components, quantisation, distances.

Owns how Python values become rows and rows become Python values. Must not know what is computed; the engine does that.
Invariant: what comes back is the same to the byte as on every other backend, and needs no numpy.

Where `rows` are taken, give a list of lists of floats, a list of f32 buffers, or one f32 (or f64, which is rounded)
buffer of two dimensions, such as a numpy array; one vector counts as one row. Vectors come back as a `memoryview` of
f32: `.tolist()` makes lists of it, `numpy.asarray` an array without a copy.
"""

import array
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, cast

from findling import engine
from findling.errors import BadInput, BadRequest, WrongDim

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Vectors = memoryview[float]
else:
    Vectors = memoryview

Rows = Union[Sequence[float], Sequence[Sequence[float]], Sequence["Buffer"], "Buffer"]
"""One vector or several of the same length, 1 to 4096 finite numbers each."""

Bits = Literal[8, 4, 1]
Metric = Literal["cosine", "dot", "euclidean", "manhattan"]


@dataclass(frozen=True)
class Statistics:
    """Over the rows: `dim` numbers each, or one each over all components. `std` is that of the population."""

    mean: list[float] | float
    std: list[float] | float
    min: list[float] | float
    max: list[float] | float


@dataclass(frozen=True)
class Loss:
    """What quantising costs: the mean and greatest absolute difference of a component, the mean cosine of a row with what is left."""

    mean_error: float
    max_error: float
    mean_cosine: float
    row_bytes: int


def normalize(rows: Rows) -> Vectors:
    """Each row divided by its length: rows x dim. Raises `BadInput` for a row of zeros."""
    data, dim = _read(rows)
    return _rows(engine.compute({"op": "normalize", "dim": dim}, data), dim)


def centroid(rows: Rows, *, normalized: bool = False) -> Vectors:
    """The mean of the rows, dim numbers; `normalized` scales it to length 1, and raises `BadInput` when it is zero."""
    data, dim = _read(rows)
    return _floats(engine.compute({"op": "centroid", "dim": dim, "normalized": normalized}, data))


def statistics(rows: Rows, *, over: Literal["components", "all"] = "components") -> Statistics:
    """Mean, standard deviation, least and greatest in double precision: for each component, or `over="all"` of them."""
    data, dim = _read(rows)
    reply = json.loads(engine.compute({"op": "statistics", "dim": dim, "over": over}, data))
    return Statistics(reply["mean"], reply["std"], reply["min"], reply["max"])


def pool(rows: Rows, how: Literal["mean", "max", "sum", "weighted"] = "mean", *, weights: Sequence[float] | None = None) -> Vectors:
    """The rows as one, dim numbers. `weighted` wants a weight of at least 0 for each row and divides by their sum, above 0.

    Raises `BadRequest` for weights that are missing, negative, not finite or not one a row.
    """
    data, dim = _read(rows)
    request: dict[str, Any] = {"op": "pool", "dim": dim, "how": how}
    if weights is not None:
        request["weights"] = [_weight(each) for each in weights]
    return _floats(engine.compute(request, data))


def quantize(rows: Rows, bits: Bits = 8) -> memoryview:
    """Packed rows: bytes of shape rows x (4 + dim x bits / 8, rounded up), a little-endian f32 scale before the codes of each.

    Raises `BadInput` when the largest magnitude of a row is not between 1e-18 and 1e9.
    """
    data, dim = _read(rows)
    packed = engine.compute({"op": "quantize", "dim": dim, "bits": bits}, data)
    return memoryview(packed).cast("B", [len(data) // (4 * dim), len(packed) * 4 * dim // len(data)])


def dequantize(packed: "Buffer", dim: int, bits: Bits = 8) -> Vectors:
    """The vectors that packed rows stand for: rows x dim. Raises `WrongDim` when they are of another length, `BadInput` when damaged."""
    data = memoryview(packed).tobytes()
    if not data:
        raise _none()
    return _rows(engine.compute({"op": "dequantize", "dim": dim, "bits": bits}, data), dim)


def loss(rows: Rows, bits: Bits = 8) -> Loss:
    """What quantising these rows would cost; see `quantize` for errors."""
    data, dim = _read(rows)
    reply = json.loads(engine.compute({"op": "loss", "dim": dim, "bits": bits}, data))
    return Loss(reply["mean_error"], reply["max_error"], reply["mean_cosine"], reply["row_bytes"])


def distances(queries: Rows, rows: Rows | None = None, *, metric: Metric = "cosine") -> Vectors:
    """Every query against every row, or without `rows` against every query: queries x rows.

    `cosine` (-1 to 1) and `dot` are higher for what is nearer, `euclidean` and `manhattan` lower. Raises `WrongDim` for
    vectors of two lengths, `BadInput` for a cosine with a row of zeros; its `row` counts the queries first.
    """
    data, dim = _read(queries)
    request: dict[str, Any] = {"op": "distances", "dim": dim, "metric": metric}
    if rows is None:
        return _rows(engine.compute(request, data), len(data) // (4 * dim))
    others, other_dim = _read(rows)
    if other_dim != dim:
        raise WrongDim(f"the queries have {dim} numbers each and the rows {other_dim}; compare vectors of one model", dim=dim, found=other_dim)
    request["queries"] = len(data) // (4 * dim)
    return _rows(engine.compute(request, data + others), len(others) // (4 * dim))


@dataclass(frozen=True)
class Pca:
    """Principal components of some rows: the orthogonal directions along which they differ most.

    `mean`: dim numbers. `components`: d x dim, each of length 1, its number of the largest magnitude positive. `variances`: of
    the rows along each, falling. `total`: of the rows along all directions. All are f32.
    """

    mean: Vectors
    components: Vectors
    variances: Vectors
    total: float

    @classmethod
    def fit(cls, rows: Rows, components: int) -> "Pca":
        """The first `components` (1 to dim) of the rows; `BadInput` when these differ in fewer directions.

        Time grows with the cube of the number of rows or of dimensions, whichever is less.
        """
        data, dim = _read(rows)
        fitted = engine.compute({"op": "fit", "dim": dim, "components": components}, data)
        mean, end = 4 * dim, 4 * dim * (1 + components)
        values = _floats(fitted[end:])
        return cls(_floats(fitted[:mean]), _rows(fitted[mean:end], dim), values[:-1], float(values[-1]))

    def transform(self, rows: Rows) -> Vectors:
        """How far each row lies from the mean along each component: rows x d. Raises `WrongDim` for rows of another length."""
        data, dim = _read(rows)
        if dim != len(self.mean):
            raise WrongDim(f"the vectors have {dim} numbers each, but the components {len(self.mean)}", dim=len(self.mean), found=dim)
        count = self.components.shape[0] if self.components.shape else 0
        fitted = _read(self.mean)[0] + _read(self.components)[0]
        return _rows(engine.compute({"op": "transform", "dim": dim, "components": count}, fitted + data), count)


def _read(rows: Rows) -> tuple[bytes, int]:
    """Rows as little-endian f32 with the length of each."""
    view = _view(rows)
    if view is not None:
        if not view.nbytes:
            raise _none()
        if view.ndim not in (1, 2):
            raise BadInput(f"vectors lie in {view.ndim} dimensions; give one or two", dimensions=view.ndim)
        assert view.shape is not None
        return _little(view), view.shape[-1]
    parts = cast(Sequence[Any], rows)
    if not len(parts):
        raise _none()
    if not hasattr(parts[0], "__len__"):
        return _packed(parts, 0), len(parts)
    data = []
    for at, row in enumerate(parts):
        view = _view(row)
        if view is not None and view.ndim != 1:
            raise BadInput(f"row {at} lies in {view.ndim} dimensions; give one", row=at)
        data.append(_packed(row, at) if view is None else _little(view))
        if len(data[at]) != len(data[0]):
            raise WrongDim(
                f"row {at} has {len(data[at]) // 4} numbers, but those before it {len(data[0]) // 4}; give vectors of one length",
                row=at, found=len(data[at]) // 4, dim=len(data[0]) // 4,
            )  # fmt: skip
    if not data[0]:
        raise _none()
    return b"".join(data), len(data[0]) // 4


def _view(value: Any) -> memoryview | None:
    """What offers f32 or f64 as a buffer; none for what does not offer one."""
    try:
        view = memoryview(value)
    except TypeError:
        return None
    if view.format.lstrip("@=<" if sys.byteorder == "little" else "@=>") not in ("f", "d"):
        raise BadInput(f"a buffer of vectors holds {view.format!r}; give f32, such as numpy's astype('float32')", format=view.format)
    return view


def _little(view: memoryview) -> bytes:
    if view.format.endswith("d"):
        numbers = array.array("f", array.array("d", view.tobytes()))
    else:
        numbers = array.array("f", view.tobytes())
    return _ordered(numbers).tobytes()


def _packed(row: Any, at: int) -> bytes:
    try:
        return _ordered(array.array("f", row)).tobytes()
    except (TypeError, OverflowError) as error:
        raise BadInput(f"row {at} is not a sequence of numbers: {error}", row=at) from None


def _ordered(numbers: "array.array[float]") -> "array.array[float]":
    """Numbers as they lie on the wire, or back: little-endian."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _floats(data: bytes) -> Vectors:
    return memoryview(_ordered(array.array("f", data)))


def _rows(data: bytes, dim: int) -> Vectors:
    return memoryview(_floats(data).cast("B")).cast("f", [len(data) // (4 * dim), dim])


def _weight(value: float) -> float:
    weight = float(value)
    if not math.isfinite(weight):
        raise BadRequest("a weight is not finite; give numbers of at least 0", weight=str(weight))
    return weight


def _none() -> BadInput:
    return BadInput("there are no vectors, so there is nothing to compute; give at least one", rows=0)
