"""Whole conversions, run by the native engine and compared with the oracle; the space id; the command line.

Owns the accuracy that every model family must reach. Must not read outside the repository: the models have random weights.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from families import BGE_SMALL, E5_SMALL, TINY, Family, write_folder
from findling import engine, model
from findling.conversion.source import read_source
from findling.errors import BadInput, Unsupported
from oracle import Oracle

CALIBRATION = model.calibration_texts()[::8]
TEXTS = [*model.calibration_texts()[3:300:22], *model.calibration_texts()[-38::6]]


def _embed(content: bytes, texts: Sequence[str], kind: str) -> NDArray[np.float32]:
    native = engine.load()
    dim = json.loads(native.load_model(content))["dim"]
    reply = native.embed(engine.encode({"texts": list(texts), "kind": kind}))
    return np.frombuffer(reply, "<f4").reshape(len(texts), dim)


def _expected(folder: Path, family: Family, prefix: str, **changes: Any) -> NDArray[np.float32]:
    source = read_source(folder, name=family.name, max_tokens=model.MAX_TOKENS, prefixes=None)
    tokens = model.tokenised(source, [prefix + text for text in TEXTS])
    return Oracle(replace(source, **changes)).embed(tokens)


def _cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray((left.astype(np.float64) * right).sum(axis=1))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.mark.parametrize("family", [BGE_SMALL, E5_SMALL], ids=lambda family: family.name)
def test_a_converted_model_gives_the_vectors_of_the_full_precision_one(tmp_path: Path, family: Family) -> None:
    folder = write_folder(tmp_path, family)
    content = model.convert(folder, name=family.name, calibration=CALIBRATION)
    prefixes = engine.inspect(content)["meta"]["prefixes"]
    for kind in ("query", "passage"):
        expected, found = _expected(folder, family, prefixes[kind]), _embed(content, TEXTS, kind)
        cosines = _cosines(found, expected)
        # Below what trained weights reach (test_converted_model): random ones give short texts, whose errors do not average out.
        assert cosines.mean() >= 0.999
        assert cosines.min() >= 0.998
        # Random models put all texts near each other, so what tells texts apart must be kept as well.
        middle = expected.mean(axis=0)
        assert _cosines(_unit(found - middle), _unit(expected - middle)).min() >= 0.98


def test_pooling_and_prefixes_reach_the_engine(tmp_path: Path) -> None:
    family = replace(TINY, name=BGE_SMALL.name, pooling="cls")
    folder = write_folder(tmp_path, family)
    content = model.convert(folder, name=family.name, calibration=CALIBRATION)
    queries, passages = _embed(content, TEXTS, "query"), _embed(content, TEXTS, "passage")
    assert _cosines(queries, passages).mean() < 0.99
    assert _cosines(passages, _expected(folder, family, "", pooling="mean")).mean() < 0.9
    assert _cosines(passages, _expected(folder, family, "")).min() > 0.99


def test_the_header_says_what_the_model_is(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, replace(TINY, name="tiny e5-like"))
    content = model.convert(folder, name="e5-tiny", max_tokens=100, source="a test", calibration=CALIBRATION)
    header = engine.inspect(content)
    meta = header["meta"]
    vocabulary = len(read_source(folder, name=None, max_tokens=100, prefixes=None).vocabulary)
    assert header["kind"] == "model"
    assert (meta["name"], meta["source"], meta["licence"]) == ("e5-tiny", "a test", "unknown")
    assert (meta["dim"], meta["layers"], meta["heads"], meta["intermediate"]) == (128, 2, 4, 256)
    assert (meta["vocab_size"], meta["max_tokens"], meta["pooling"], meta["normalize"]) == (vocabulary, 100, "mean", True)
    assert meta["prefixes"] == {"query": "query: ", "passage": "passage: "}
    assert [section["name"] for section in header["sections"]] == [
        *("vocabulary", "words", "words.scale", "positions", "embedding.norm", "layer.0", "layer.1"),
    ]
    lengths = {section["name"]: section["length"] for section in header["sections"]}
    assert lengths["words"] == vocabulary * 128
    assert lengths["words.scale"] == vocabulary * 4
    assert lengths["positions"] == 100 * 128 * 4
    weights = 128 * (3 * 128 + 128 + 256 + 256)
    assert lengths["layer.0"] == weights + 4 * (2 * (3 * 128 + 128 + 256 + 128) + 3 * 128 + 256 + 4 * 128)


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    first = model.convert(write_folder(tmp_path / "first", TINY), name="tiny", calibration=CALIBRATION)
    second = model.convert(write_folder(tmp_path / "second", TINY), name="tiny", calibration=CALIBRATION)
    assert first == second


def test_the_space_id_changes_with_whatever_a_vector_depends_on_and_with_nothing_else(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, TINY)

    def space(calibration: Sequence[str] = ("one", "two"), options: dict[str, Any] | None = None, **changes: Any) -> str:
        source = read_source(folder, **({"name": None, "max_tokens": 256, "prefixes": None} | (options or {})))
        return model.space_id(replace(source, **changes), calibration)

    original = space()
    assert len(original) == 64 and int(original, 16) >= 0
    assert space(options={"name": "another name"}) == original
    assert space(licence="another licence") == original
    source = read_source(folder, name=None, max_tokens=256, prefixes=None)
    name = "encoder.layer.1.output.dense.bias"
    nudged = source.tensors[name].copy()
    nudged[5] = np.nextafter(nudged[5], np.float32(9))
    others = [
        space(calibration=["one", "three"]),
        space(calibration=["onet", "wo"]),
        space(options={"max_tokens": 255}),
        space(options={"prefixes": {"query": "q: "}}),
        space(pooling="cls"),
        space(heads=8),
        space(layer_norm_eps=1e-5),
        space(tokenizer=source.tokenizer | {"lowercase": False}),
        space(vocabulary=[*source.vocabulary[:-1], "changed"]),
        space(tensors=source.tensors | {name: nudged}),
    ]
    assert len({original, *others}) == len(others) + 1


def test_the_space_id_of_known_weights_is_the_one_written_down(tmp_path: Path) -> None:
    """A change here means that every index built before belongs to another space: raise RECIPE on purpose, never by accident."""
    source = read_source(write_folder(tmp_path, TINY), name=None, max_tokens=64, prefixes=None)
    ramp = {name: np.arange(tensor.size, dtype=np.float32).reshape(tensor.shape) for name, tensor in source.tensors.items()}
    fixed = replace(source, tensors=ramp, vocabulary=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    ramp["embeddings.word_embeddings.weight"] = np.ones((5, 128), np.float32)
    assert model.space_id(fixed, ["a text"]) == "9a8b6cab41022edff32e33a4f2c2ce5129486fedfe2c9e00cd567762dfaa7ebf"


def test_empty_calibration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="calibration"):
        model.convert(write_folder(tmp_path, TINY), calibration=["", " "])


def test_the_calibration_texts_are_of_many_kinds_and_lengths() -> None:
    texts = model.calibration_texts()
    words = [len(text.split()) for text in texts]
    assert len(texts) == len(set(texts)) >= 470
    assert sum(count <= 4 for count in words) > 200
    assert sum(count >= 60 for count in words) > 40
    assert max(words) <= 200


def test_the_command_writes_the_file_or_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_folder(tmp_path / "source", replace(TINY, layers=1))
    out = tmp_path / "made" / "tiny.findling"
    assert model.main([str(folder), "-o", str(out), "--name", "tiny", "--query-prefix", "q: "]) == 0
    assert engine.inspect(out.read_bytes())["meta"]["prefixes"] == {"query": "q: ", "passage": ""}
    assert "quantise 4/4" in capsys.readouterr().err
    assert [path.name for path in out.parent.iterdir()] == ["tiny.findling"]
    (folder / "config.json").write_text('{"model_type": "t5"}')
    assert model.main([str(folder), "-o", str(tmp_path / "other.findling")]) == 1
    assert "unsupported" in (said := capsys.readouterr().err) and "t5" in said
    assert not (tmp_path / "other.findling").exists()
    with pytest.raises(Unsupported):
        model.convert(folder)
