"""Which sentence-transformers folders are taken, what is read from them, and how the others are refused.

Owns the list of what is unsupported and what is damaged. Must not need the engine or a real model.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from families import BGE_SMALL, E5_SMALL, TINY, Family, write_folder
from findling.conversion.source import Source, read_source
from findling.errors import BadFormat, BadInput, FindlingError, Unsupported

SMALL_BGE = replace(TINY, name=BGE_SMALL.name, pooling="cls")
SMALL_E5 = replace(TINY, name=E5_SMALL.name)
BGE_QUERY = "Represent this sentence for searching relevant passages: "


def _read(folder: Path, **options: Any) -> Source:
    return read_source(folder, **({"name": None, "max_tokens": 256, "prefixes": None} | options))


def _change(path: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(path.read_text())
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed))


@pytest.mark.parametrize(
    ("family", "pooling", "query", "passage"),
    [
        (TINY, "mean", "", ""),
        (SMALL_BGE, "cls", BGE_QUERY, ""),
        (SMALL_E5, "mean", "query: ", "passage: "),
        (replace(SMALL_E5, prompts={"query": "Q ", "document": "D "}), "mean", "Q ", "D "),
        (replace(SMALL_E5, prompts={"query": "", "document": ""}), "mean", "query: ", "passage: "),
    ],
)
def test_pooling_and_prefixes_are_those_of_the_family(
    tmp_path: Path, family: Family, pooling: str, query: str, passage: str
) -> None:
    source = _read(write_folder(tmp_path, family), name=family.name)
    assert source.pooling == pooling
    assert source.prefixes == {"query": query, "passage": passage}


def test_prefixes_that_are_given_override_those_of_the_family(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, SMALL_E5)
    assert _read(folder, name=SMALL_E5.name, prefixes={"query": "find: "}).prefixes == {"query": "find: ", "passage": ""}
    with pytest.raises(BadInput, match="prefixes"):
        _read(folder, prefixes={"title": "x"})


def test_max_tokens_is_lowered_to_what_the_model_allows(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, replace(TINY, max_seq_length=128, positions=200))
    assert _read(folder).max_tokens == 128
    assert _read(folder, max_tokens=64).max_tokens == 64
    (folder / "sentence_bert_config.json").unlink()
    assert _read(folder).max_tokens == 200
    with pytest.raises(BadInput, match="max_tokens"):
        _read(folder, max_tokens=2)


def test_tensors_saved_with_a_task_head_are_found_and_the_rest_is_left_behind(tmp_path: Path) -> None:
    plain = _read(write_folder(tmp_path / "plain", TINY))
    headed = _read(write_folder(tmp_path / "headed", TINY, prefix="bert."))
    assert sorted(plain.tensors) == sorted(headed.tensors)
    assert all(np.array_equal(plain.tensors[name], headed.tensors[name]) for name in plain.tensors)
    assert plain.tensors["embeddings.position_embeddings.weight"].shape == (256, 128)


def test_the_licence_comes_from_the_model_card(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, TINY)
    assert _read(folder).licence == "unknown"
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\nlicense: none\n")
    assert _read(folder).licence == "apache-2.0"


def test_accents_are_stripped_where_text_is_lowercased_unless_the_tokenizer_says_otherwise(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, TINY)
    assert _read(folder).tokenizer["strip_accents"] is True
    _change(folder / "tokenizer.json", lambda content: content["normalizer"].update(strip_accents=False))
    assert _read(folder).tokenizer["strip_accents"] is False
    _change(folder / "tokenizer.json", lambda content: content["normalizer"].update(strip_accents=None, lowercase=False))
    assert _read(folder).tokenizer["strip_accents"] is False


def _replace_module(kind: str) -> Callable[[Any], None]:
    return lambda modules: modules[1].update(type=f"sentence_transformers.models.{kind}")


@pytest.mark.parametrize(
    ("file", "change", "found"),
    [
        ("config.json", lambda config: config.update(model_type="mpnet"), "mpnet"),
        ("config.json", lambda config: config.update(model_type=None), "None"),
        ("config.json", lambda config: config.update(hidden_act="gelu_new"), "gelu_new"),
        ("config.json", lambda config: config.update(position_embedding_type="relative_key"), "relative_key"),
        ("config.json", lambda config: config.update(hidden_size=192), "192"),
        ("config.json", lambda config: config.update(num_attention_heads=32), "32 heads"),
        ("modules.json", _replace_module("Dense"), "Dense"),
        ("modules.json", lambda modules: [*modules[:2], {"type": "x.Dense"}], "Dense"),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode_mean_tokens=False), "unnamed"),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode_max_tokens=True), "max_tokens and mean_tokens"),
        ("1_Pooling/config.json", lambda c: c.update(pooling_mode_mean_tokens=False, pooling_mode_max_tokens=True), "max_tokens"),
        ("tokenizer.json", lambda config: config["model"].update(type="Unigram"), "Unigram"),
        ("tokenizer.json", lambda config: config["normalizer"].update(type="NFC"), "NFC"),
        ("tokenizer.json", lambda config: config.update(normalizer=None), "None"),
        ("tokenizer.json", lambda config: config["pre_tokenizer"].update(type="Whitespace"), "Whitespace"),
        ("tokenizer.json", lambda config: config["post_processor"].update(single=[]), "TemplateProcessing"),
        ("tokenizer.json", lambda config: config["added_tokens"].append({"id": 9, "content": "new", "special": False}), "new"),
    ],
)
def test_another_kind_of_model_is_unsupported_and_the_message_says_what_was_found_and_what_is_supported(
    tmp_path: Path, file: str, change: Callable[[Any], Any], found: str
) -> None:
    folder = write_folder(tmp_path, TINY)
    _change(folder / file, change)
    with pytest.raises(Unsupported) as caught:
        _read(folder)
    assert caught.value.code == "unsupported"
    assert found in caught.value.message
    assert found in caught.value.detail["found"]
    assert "BERT" in caught.value.message


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", lambda config: config.update(hidden_size="384")),
        ("config.json", lambda config: config.update(num_hidden_layers=0)),
        ("config.json", lambda config: config.update(num_hidden_layers=3)),
        ("config.json", lambda config: config.update(intermediate_size=384)),
        ("config.json", lambda config: []),
        ("modules.json", lambda modules: {}),
        ("tokenizer.json", lambda config: config["model"]["vocab"].update(extra=1)),
        ("tokenizer.json", lambda config: config["model"].update(vocab=[])),
        ("tokenizer.json", lambda config: config["model"].update(unk_token="<unk>")),
    ],
)
def test_files_that_contradict_each_other_are_bad_format(tmp_path: Path, file: str, change: Callable[[Any], Any]) -> None:
    folder = write_folder(tmp_path, TINY)
    _change(folder / file, change)
    with pytest.raises(BadFormat):
        _read(folder)


@pytest.mark.parametrize("file", ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_folder(tmp_path, TINY)
    (folder / file).unlink()
    with pytest.raises(BadInput) as caught:
        _read(folder)
    assert file in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b"3"])
def test_a_broken_json_file_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    folder = write_folder(tmp_path, TINY)
    for file in ("config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "sentence_bert_config.json"):
        kept = (folder / file).read_bytes()
        (folder / file).write_bytes(content)
        with pytest.raises(FindlingError) as caught:
            _read(folder)
        assert caught.value.code == "bad_format"
        (folder / file).write_bytes(kept)


def test_a_path_that_is_no_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder"):
        _read(tmp_path / "nothing")
