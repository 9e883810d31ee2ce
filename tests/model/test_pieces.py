"""Piece tables: one trained here for a small model, and the one that `./build.sh build` makes.

Owns how near a table must come to its model, and the layout of its pages. Must not read outside the repository.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from findling import engine
from findling import pieces as training
from findling.errors import BadFormat, BadInput, NotReady
from findling.model import calibration_texts

ROOT = Path(__file__).parents[2]
MODEL = Path(os.environ.get("FINDLING_MODEL", ROOT / ".cache/model/all-MiniLM-L6-v2.findling"))
TABLE = Path(os.environ.get("FINDLING_PIECES", ROOT / ".cache/model/all-MiniLM-L6-v2.pieces"))


def _texts() -> list[str]:
    words = [text.split() for text in calibration_texts()]
    return [" ".join(each[start : start + 5]) for each in words for start in (0, 4) if each[start : start + 5]]


def _embedded(native: engine.Engine, texts: list[str], encoder: str) -> NDArray[np.float64]:
    reply = native.embed(engine.encode({"texts": texts, "kind": "query", "encoder": encoder}))
    return np.frombuffer(reply, "<f4").reshape(len(texts), -1).astype(np.float64)


def _read(listed: bytes, content: bytes) -> list[bytes]:
    """The pieces of pages, by what docs/FORMAT.md says."""
    firsts, at = [], 0
    while at < len(listed):
        size = listed[at + 4]
        firsts.append((int.from_bytes(listed[at : at + 4], "little"), listed[at + 5 : at + 5 + size]))
        at += 5 + size
    assert len(content) == len(firsts) * 1024
    found: list[bytes] = []
    for page, (number, first) in enumerate(firsts):
        assert number == len(found)
        at, before = page * 1024, b""
        while at + 1 < (page + 1) * 1024 and content[at + 1]:
            shared, more = content[at], content[at + 1]
            before = before[:shared] + content[at + 2 : at + 2 + more]
            found.append(before)
            at += 2 + more
        assert found[number] == first
        assert not any(content[at : (page + 1) * 1024])
    return found


def test_pages_give_the_pieces_back() -> None:
    random = np.random.default_rng(5)
    words = {bytes(random.integers(97, 100, random.integers(1, 9)).tolist()) for _ in range(3000)} | {b"a" * 255, "日本".encode()}
    listed, content = training.paged(sorted(words))
    assert len(content) > 3 * 1024
    assert _read(listed, content) == sorted(words)
    assert training.paged([]) == (b"", b"")
    with pytest.raises(BadFormat):
        training.paged([b"a" * 256])


def test_a_table_comes_near_to_its_model_and_has_the_same_bytes_on_any_number_of_threads(model: bytes, tmp_path: Path) -> None:
    texts = _texts()
    (tmp_path / "model").write_bytes(model)
    (tmp_path / "texts").write_text("\n".join(texts), encoding="utf-8")
    tables = []
    for threads in ("1", "2"):
        out = tmp_path / threads
        more = {f"{name}_NUM_THREADS": threads for name in ("OPENBLAS", "OMP", "MKL", "RAYON")}
        command = [sys.executable, "-m", "findling.pieces", tmp_path / "model", tmp_path / "texts", "-o", out, "--cache", tmp_path / "kept"]
        subprocess.run(command, env={**os.environ, **more}, check=True, capture_output=True)
        tables.append(out.read_bytes())
    assert tables[0] == tables[1] == training.train(model, texts)
    native = engine.load()
    space = json.loads(native.load_model(model))["space"]
    told = json.loads(native.load_pieces(tables[0]))
    assert told["space"] == space
    assert json.loads(native.status())["pieces"] == told
    # Random weights put all texts near each other, so what tells them apart counts.
    wanted, found = _embedded(native, texts, "model"), _embedded(native, texts, "static")
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-6)
    nearest = (found @ (wanted - wanted.mean(0)).T).argmax(axis=1)
    assert (nearest == np.arange(len(texts))).mean() > 0.5
    assert not _embedded(native, ["", "\u2603\u2603"], "static").any()


DOCUMENTS = [
    ("boat", "a small boat floats on calm water"), ("keeper", "the keeper sings"), ("storm", "the storm broke the mast of the boat"),
    ("cake", "bread and cake are baked in the morning"),
]  # fmt: skip


def _collection(native: engine.Engine) -> None:
    native.open(engine.encode({"index": "a"}))
    documents = [{"id": id, "fields": {"text": text}, "passages": [text], "record": {}} for id, text in DOCUMENTS]
    native.add(engine.encode({"index": "a", "documents": documents}))


def _search(native: engine.Engine, **plan: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(native.search(engine.encode({"index": "a", **plan})))
    return found


def test_a_plan_says_what_encodes_its_text_and_the_answer_what_did(model: bytes, pieces: bytes) -> None:
    native = engine.load()
    native.load_model(model)
    _collection(native)
    query = "small boat"
    assert _search(native, text=query)["encoder"] == "model"
    with pytest.raises(NotReady):
        _search(native, text=query, encoder="static")
    native.load_pieces(pieces)
    assert _search(native, text=query, encoder="auto")["encoder"] == "model"
    found = _search(native, text=query, encoder="static", words={"text": query})
    assert found["encoder"] == "static"
    for hit in found["hits"]:
        expected = 0.6 * max(0.0, hit["legs"]["meaning"]) + 0.4 * hit["legs"]["words"]
        assert hit["score"] == pytest.approx(expected, abs=1e-6)
    by_vector = _search(native, vector=_embedded(native, [query], "static")[0].tolist(), words={"text": query}, weights={"meaning": 0.6, "words": 0.4})
    assert by_vector == {key: value for key, value in found.items() if key != "encoder"}
    own = _search(native, text=query, encoder="static", words={"text": query}, weights={"meaning": 1, "words": 2})
    assert own["hits"][0]["score"] == pytest.approx(own["hits"][0]["legs"]["meaning"] + 2 * own["hits"][0]["legs"]["words"], abs=1e-6)
    assert "encoder" not in _search(native, words={"text": query})
    told = _search(native, text=query, encoder="static", words={"text": query}, explain=True)
    assert told["hits"][0]["score"] == found["hits"][0]["score"]


def test_without_a_model_pieces_encode_and_what_they_do_not_know_is_left_to_words(model: bytes, pieces: bytes) -> None:
    maker, native = engine.load(), engine.load()
    maker.load_model(model)
    _collection(maker)
    file = maker.dump(engine.encode({"index": "a"}))
    opened = engine.encode({"index": "a", "file": "f", "length": len(file)})
    while "need" in json.loads(native.open(opened)):
        native.provide("f", 0, file)
    asked = engine.encode({"index": "a", "text": "small boat"})
    with pytest.raises(NotReady):
        native.search(asked)
    native.load_pieces(pieces)
    while "need" in (found := json.loads(native.search(asked))):
        for need in found["need"]:
            native.provide("f", need["offset"], file[need["offset"] : need["offset"] + need["length"]])
    assert found["encoder"] == "static"
    assert len(found["hits"]) == len(DOCUMENTS)
    with pytest.raises(NotReady):
        _search(native, text="boat", encoder="model")
    assert _search(native, text="\u2603")["hits"] == []
    hits = _search(native, text="\u2603", words={"text": "boat"})["hits"]
    assert {hit["id"] for hit in hits} == {"boat", "storm"}
    assert all("meaning" not in hit["legs"] for hit in hits)


def test_too_few_texts_are_refused(model: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        training.train(model, ["one", "two", "two", " "])
    assert caught.value.detail == {"found": 2}


def test_the_table_of_the_build_encodes_queries_nearly_as_its_model_does() -> None:
    assert TABLE.exists(), f"{TABLE} is missing: run ./build.sh build, which trains it"
    native = engine.load()
    native.load_model(MODEL.read_bytes())
    told = json.loads(native.load_pieces(TABLE.read_bytes()))
    assert told["space"] == json.loads(native.status())["model"]["space"]
    texts = [
        "how to bake bread", "a small furry animal that climbs trees", "music player for the command line", "red heart", "weather forecast",
        "fear of heights", "convert images to another format", "the capital of a country", "stop smoking", "graph of a function",
    ]  # fmt: skip
    wanted, found = _embedded(native, texts, "model"), _embedded(native, texts, "static")
    cosines = found @ wanted.T
    assert (cosines.argmax(axis=1) == np.arange(len(texts))).all()
    assert np.diag(cosines).mean() > 0.6
