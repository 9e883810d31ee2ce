"""Published collections from the command line: built into a folder, searched from the folder and from a web server.

Invariant under test: a folder holds one whole collection, and wherever it is searched the hits are those of the one file.
"""

import asyncio
import json
import threading
from contextlib import closing, contextmanager

import pytest

from findling.app import App
from findling.cli import main
from findling.engine import inspect, load
from findling.remote import HttpStore
from findling.segments import POINTER
from findling.serve import server
from findling.store import FolderStore

DOCUMENTS = [
    {"id": "boat", "title": "Boat", "text": "a small boat floats on calm water", "kind": "ship", "size": 7},
    {"id": "keeper", "title": "Keeper", "text": "the lighthouse keeper sings in the storm", "tags": ["sea"]},
    {"id": "anchor", "title": "Anchor", "text": "an anchor holds the ship in its place", "kind": "iron"},
]


@pytest.fixture
def model_file(tmp_path, model):
    path = tmp_path / "tiny.findling"
    path.write_bytes(model)
    return path


def build(documents, out, model_file, *more):
    source = out.parent / "source.jsonl"
    source.write_text("".join(json.dumps(document) + "\n" for document in documents))
    assert main(["build", str(source), "-o", str(out), "--model", str(model_file), "--quiet", *more]) == 0
    return out


def hits(target, query, model_file, capsys, *more):
    capsys.readouterr()
    main(["search", str(target), query, "--json", "--model", str(model_file), *more])
    return {hit["id"]: hit["score"] for hit in json.loads(capsys.readouterr().out)["hits"]}


@pytest.fixture
def folder(tmp_path, model_file):
    (tmp_path / "out").mkdir()
    return build(DOCUMENTS, tmp_path / "out/collection", model_file)


def test_a_folder_holds_a_pointer_and_its_segment(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "collection.findling"
    assert len(names) == 2 and names[1].startswith("segment-")


def test_building_again_keeps_the_segment_and_from_nothing_leaves_only_the_new_one(folder, model_file):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    build(DOCUMENTS, folder, model_file)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    build(DOCUMENTS[1:], folder, model_file)
    assert {path.name for path in folder.iterdir()} == set(before)
    assert (folder / POINTER).read_bytes() != before[POINTER]
    build(DOCUMENTS[1:], folder, model_file, "--fresh")
    after = {path.name for path in folder.iterdir()}
    assert len(after) == 2 and after & set(before) == {POINTER}


def test_the_order_of_documents_does_not_change_the_bytes(folder, model_file, tmp_path):
    other = build(DOCUMENTS[::-1], tmp_path / "out/other", model_file)
    assert {path.name: path.read_bytes() for path in other.iterdir()} == {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("query", ["calm boats", "the keeper", '"small boat"', "ship -anchor", "title:anchor", "kind:iron ship", "size:>3", "submarine", "calmm boats"])
@pytest.mark.parametrize("legs", ["both", "words"])
def test_a_folder_finds_what_the_file_finds(folder, model_file, tmp_path, capsys, query, legs):
    flat = build(DOCUMENTS, tmp_path / "out/flat.findling", model_file)
    assert hits(folder, query, model_file, capsys, "--legs", legs) == hits(flat, query, model_file, capsys, "--legs", legs)


@contextmanager
def served(folder):
    with server(folder.parent) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/{folder.name}"
        running.shutdown()


def test_a_collection_is_searched_at_its_address(folder, model_file, capsys):
    with served(folder) as address:
        for target in (address, f"{address}/", f"{address}/collection.findling"):
            assert list(hits(target, "calm boats", model_file, capsys, "--legs", "words")) == ["boat"]
        assert main(["verify", address]) == 0


def in_pieces(store, *queries):
    """What a collection that is read in pieces answers to an engine that has neither model nor piece table."""

    async def scenario():
        app = App(load(), store)
        await app.open("collection", POINTER)
        return [await app.search("collection", query, encoder="static") for query in queries]

    return asyncio.run(scenario())


def test_a_collection_with_pieces_is_searched_by_meaning_without_model_or_table(model_file, pieces, tmp_path):
    table = tmp_path / "table"
    table.write_bytes(pieces)
    (tmp_path / "out").mkdir()
    folder = build(DOCUMENTS, tmp_path / "out/collection", model_file, "--pieces", str(table))
    assert inspect((folder / POINTER).read_bytes())["meta"]["pieces"] == inspect(pieces)["digest"]
    found = in_pieces(FolderStore(folder), "calm boats", "lighthouse keepers", "ship")
    assert [answer["hits"][0]["id"] for answer in found[:2]] == ["boat", "keeper"]
    for answer in found:
        assert answer["encoder"] == "static"
        # Meaning reaches every document, whether it has the words or not.
        assert {hit["id"] for hit in answer["hits"]} == {"boat", "keeper", "anchor"}
        for hit in answer["hits"]:
            assert hit["score"] == pytest.approx(0.6 * max(0.0, hit["legs"]["meaning"]) + 0.4 * hit["legs"]["words"], abs=1e-6)
    first = found[0]["hits"][0]
    assert first["legs"]["words"] > 0 and first["legs"]["meaning"] > max(hit["legs"]["meaning"] for hit in found[0]["hits"][1:])
    assert (first["document"]["title"], first["document"]["kind"], first["document"]["meta"]["size"]) == ("Boat", "ship", 7)
    with served(folder) as address, closing(HttpStore(address)) as store:
        over_http = in_pieces(store, "calm boats", "lighthouse keepers", "ship")
    assert [answer["hits"] for answer in over_http] == [answer["hits"] for answer in found]


def test_without_pieces_only_words_find(folder):
    (found,) = in_pieces(FolderStore(folder), "calm boats")
    assert [hit["id"] for hit in found["hits"]] == ["boat"]


def test_info_and_verify_tell_of_every_file(folder, capsys):
    assert main(["info", str(folder)]) == 0
    assert capsys.readouterr().out.count("\nfile ") == 2
    assert main(["verify", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    segment = next(folder.glob("segment-*"))
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    assert main(["verify", str(folder)]) in {3, 5}


def test_a_segment_that_is_missing_is_said_by_name(folder, model_file, capsys):
    segment = next(folder.glob("segment-*"))
    segment.unlink()
    assert main(["search", str(folder), "boat", "--model", str(model_file)]) == 4
    assert segment.name in capsys.readouterr().err


def test_a_folder_without_a_collection_is_said(tmp_path, model_file, capsys):
    assert main(["search", str(tmp_path), "boat", "--model", str(model_file)]) == 4
    assert "collection.findling" in capsys.readouterr().err
