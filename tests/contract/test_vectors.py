"""The vector index on every backend: the same bytes as native, the scores of a brute-force reference.

Owns the cases and their reference in float64. Must not know how a backend finds anything. Invariant: whatever an index
answers, every backend answers byte by byte.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import RUST, TIERS
from findling.engine import VECTOR_METHODS, BoundVectorIndex, vector_index
from findling.errors import FindlingError
from hosts import start

Make = Callable[..., BoundVectorIndex]
METRICS = ("cosine", "dot", "euclidean", "manhattan")
STORES = ("f32", "int8", "int4")


@pytest.fixture(scope="module", params=RUST)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "native":
        yield vector_index
        return
    process = start(TIERS, request.param)
    yield process.vector_index
    process.close()


def raw(values: Any, kind: str = "<f4") -> bytes:
    return np.asarray(values, kind).tobytes()


def clustered(seed: int, count: int, dim: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((20, dim))
    return (centres[random.integers(0, 20, count)] + 0.7 * random.standard_normal((count, dim))).astype(np.float32)


def scores(metric: str, query: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    q, r = query.astype(np.float64), rows.astype(np.float64)
    if metric == "cosine":
        return np.asarray(r @ q / np.linalg.norm(r, axis=1) / np.linalg.norm(q))
    if metric == "dot":
        return np.asarray(r @ q)
    return -np.asarray(np.linalg.norm(r - q, ord=2 if metric == "euclidean" else 1, axis=1))


@pytest.mark.parametrize(("metric", "store"), list(itertools.product(METRICS, STORES)))
def test_scores_are_those_of_the_reference_over_what_is_kept(make: Make, metric: str, store: str) -> None:
    rows, query = clustered(1, 300, 50), clustered(2, 1, 50)[0]
    index = make(dim=50, metric=metric, store=store)
    ids = np.arange(300, dtype="<u4") * 3
    assert index.add(raw(ids, "<u4"), raw(rows)) == {"added": 300, "replaced": 0}
    hits = index.search(raw(query), limit=300)["hits"]
    kept = np.frombuffer(index.get(raw([hit["id"] for hit in hits], "<u4")), "<f4").reshape(300, 50)
    # Codes see the query in 12 bits.
    seen = query if store == "f32" or metric == "manhattan" else np.round(query / np.abs(query).max() * 2047) * np.abs(query).max() / 2047
    found = np.array([hit["score"] for hit in hits])
    np.testing.assert_allclose(found, scores(metric, seen, kept), rtol=2e-6, atol=1e-5)
    assert np.all(np.diff(found) <= 0)


@pytest.mark.parametrize("spec", [{"store": "f32"}, {"sketch": True}, {"store": "int4", "metric": "dot"}, {"metric": "euclidean"}, {"metric": "manhattan"}])
def test_a_life_of_an_index_gives_the_bytes_of_native(make: Make, spec: dict[str, Any]) -> None:
    def live(make: Make) -> list[Any]:
        index = make(dim=40, index="graph", m=6, ef_construction=24, **spec)
        rows = clustered(3, 700, 40)
        said: list[Any] = [index.add(raw(np.arange(500), "<u4"), raw(rows[:500])), index.link(7), index.link()]
        queries = clustered(4, 5, 40)
        odd = np.packbits(np.arange(800) % 2 == 1, bitorder="little").tobytes()
        for filter in (b"", odd):
            said += [index.search(raw(query), filter, limit=7, ef_search=40, rescore=60, explain=True) for query in queries]
        said += [index.remove(raw(np.arange(0, 300, 2), "<u4")), index.add(raw(np.arange(450, 650), "<u4"), raw(rows[500:]))]
        said += [index.search(raw(query)) for query in queries]
        said += [index.link(), index.dump(), index.get(raw([449, 451], "<u4"))]
        again = make(file=index.dump())
        said += [again.search(raw(query), ef_search=30) for query in queries]
        assert again.dump() == said[-len(queries) - 2]
        return said

    assert live(make) == live(vector_index)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("wrong_dim", lambda index: index.add(raw([1], "<u4"), raw([1.0, 2.0]))),
        ("bad_request", lambda index: index.add(raw([1, 1], "<u4"), raw([1.0] * 6))),
        ("bad_request", lambda index: index.add(b"abc", b"")),
        ("bad_input", lambda index: index.add(raw([1], "<u4"), raw([0.0, 0.0, 0.0]))),
        ("bad_input", lambda index: index.add(raw([1], "<u4"), raw([np.nan, 0.0, 1.0]))),
        ("bad_input", lambda index: index.add(raw([1], "<u4"), raw([np.inf, 0.0, 1.0]))),
        ("bad_input", lambda index: index.search(raw([0.0, 0.0, 0.0]))),
        ("wrong_dim", lambda index: index.search(raw([1.0]))),
        ("bad_request", lambda index: index.search(raw([1.0, 0.0, 0.0]), limit=0)),
        ("bad_request", lambda index: index.search(raw([1.0, 0.0, 0.0]), colour="red")),
        ("not_found", lambda index: index.get(raw([5], "<u4"))),
    ],
)
def test_what_cannot_be_used_is_refused_and_changes_nothing(make: Make, code: str, call: Callable[[BoundVectorIndex], Any]) -> None:
    index = make(dim=3)
    index.add(raw([9], "<u4"), raw([1.0, 2.0, 3.0]))
    before = index.dump()
    with pytest.raises(FindlingError) as refused:
        call(index)
    assert refused.value.code == code
    assert index.dump() == before


@pytest.mark.parametrize(
    ("code", "spec"),
    [("bad_request", {}), ("bad_request", {"dim": 0}), ("bad_request", {"dim": 4097}), ("bad_request", {"dim": 3, "m": 65}), ("unsupported", {"dim": 3, "metric": "manhattan", "sketch": True})],
)
def test_a_spec_that_cannot_be_carried_out_is_refused(make: Make, code: str, spec: dict[str, Any]) -> None:
    with pytest.raises(FindlingError) as refused:
        make(**spec)
    assert refused.value.code == code


def test_counts_that_come_round_in_32_bits_are_refused(make: Make) -> None:
    index = make(dim=4096)
    with pytest.raises(FindlingError) as refused:
        index.add(raw(range(1 << 20), "<u4"), b"")
    assert refused.value.code == "wrong_dim"
    assert index.status()["vectors"] == 0


def test_a_vector_that_is_replaced_again_and_again_takes_no_more_room(make: Make) -> None:
    index = make(dim=16, index="flat")
    index.add(raw(range(50), "<u4"), raw(clustered(3, 50, 16)))
    for vector in clustered(4, 200, 16):
        index.add(raw([7], "<u4"), raw(vector))
        assert index.status()["removed"] <= 7
    assert index.status()["vectors"] == 50


def test_more_candidates_than_a_walk_keeps_are_scanned(make: Make) -> None:
    index = make(dim=16, index="graph", m=4, ef_construction=20)
    index.add(raw(range(5000), "<u4"), raw(clustered(5, 5000, 16)))
    index.link()
    found = index.search(raw(clustered(6, 1, 16)), limit=5000, explain=True)
    assert found["explain"]["route"] == "scan"
    assert sorted(hit["id"] for hit in found["hits"]) == list(range(5000))
    assert index.search(raw(clustered(6, 1, 16)), limit=10, explain=True)["explain"]["route"] == "graph"


def test_a_damaged_file_is_refused(make: Make) -> None:
    index = make(dim=3)
    index.add(raw([9], "<u4"), raw([1.0, 2.0, 3.0]))
    damaged = bytearray(index.dump())
    damaged[-70] ^= 1
    with pytest.raises(FindlingError) as refused:
        make(file=bytes(damaged))
    assert refused.value.code in ("bad_format", "wrong_digest")


def test_the_native_module_has_the_methods_and_no_others() -> None:
    from findling import _native

    offered = {name for name in vars(_native.VectorIndex) if not name.startswith("_")}
    assert offered == {"load", *VECTOR_METHODS}
