"""Builds over an earlier build: what is embedded again, what goes, what stays, and when it begins from nothing.

Owns an engine that counts what it embeds. Invariant under test: whatever was built before, the collection holds what is in
the files now, and finds it as a build from scratch does.
"""

import asyncio
import json
import os

import pytest
from note_text import text

from findling import building, bundle, passages, published
from findling.app import App, Ticket
from findling.cli import main
from findling.engine import inspect, load
from findling.errors import NotFound, StorageError
from findling.segments import POINTER, listed
from findling.store import FolderStore, MemoryStore


class Counting:
    """An engine that remembers the texts it was given to embed."""

    def __init__(self, model, pieces=None):
        self._engine = load()
        self._engine.load_model(model)
        if pieces is not None:
            self._engine.load_pieces(pieces)
        self.embedded = []

    def add(self, request):
        self.embedded += [text for document in json.loads(request)["documents"] for text in document["passages"]]
        return self._engine.add(request)

    def __getattr__(self, name):
        return getattr(self._engine, name)


def built(model, notes, out, pieces=None, **more):
    engine = Counting(model, pieces)
    answer = asyncio.run(building.build(engine, [notes], out, ticket=Ticket(), **more))
    return answer, engine.embedded


def files(out):
    return {path.name: path.read_bytes() for path in (out.iterdir() if out.is_dir() else [out])}


def found(model, out, query="keeper of the light"):
    store, name = published.located(str(out))
    app = App(Counting(model), store, whole=True)

    async def scenario():
        state = await app.open("x", name)
        return state["documents"], [(hit["id"], hit["score"]) for hit in (await app.search("x", query, 100))["hits"]]

    return asyncio.run(scenario())


def test_only_what_changed_is_embedded_and_what_vanished_goes(model, notes, out, tmp_path):
    first, embedded = built(model, notes, out)
    assert (first["added"], first["fresh"], len(embedded)) == (100, None, 100)
    (notes / "007.md").write_text(text(7, salt=2))
    (notes / "new.md").write_text(text(200))
    (notes / "010.md").unlink()
    again, embedded = built(model, notes, out)
    assert {key: again[key] for key in ("added", "replaced", "unchanged", "removed", "documents")} == {
        "added": 1,
        "replaced": 1,
        "unchanged": 98,
        "removed": 1,
        "documents": 100,
    }
    assert len(embedded) == 2, "a hundredth of the texts changed, and not more than that is embedded"
    scratch = tmp_path / "scratch.findling"
    built(model, notes, scratch)
    assert found(model, out) == found(model, scratch)


def test_what_changed_lies_in_one_live_segment_behind_what_was_published(model, notes, tmp_path):
    out = tmp_path / "built"
    built(model, notes, out)
    (before,) = listed(inspect((out / POINTER).read_bytes()))
    for number in range(3):
        (notes / f"new{number}.md").write_text(text(300 + number))
        answer, _ = built(model, notes, out)
    kept, live = listed(inspect((out / POINTER).read_bytes()))
    assert kept["file"] == before["file"]
    assert (live["live"], live["documents"]) == (True, 3)
    assert sorted(files(out)) == sorted([POINTER, kept["file"], live["file"]])
    assert answer["live"] == pytest.approx(3 / 103)


def test_a_build_of_the_same_changes_no_byte(model, notes, out):
    built(model, notes, out)
    before = files(out)
    answer, embedded = built(model, notes, out)
    assert (answer["unchanged"], embedded) == (100, [])
    assert files(out) == before


def test_fresh_gives_the_bytes_of_a_build_from_scratch(model, notes, out, tmp_path):
    built(model, notes, out)
    (notes / "007.md").write_text(text(7, salt=2))
    built(model, notes, out)
    answer, embedded = built(model, notes, out, fresh=True)
    assert (answer["fresh"], len(embedded)) == ("it was asked for", 100)
    scratch = tmp_path / f"scratch{out.suffix}"
    built(model, notes, scratch)
    assert files(out) == (files(scratch) if out.is_dir() else {out.name: scratch.read_bytes()})


def test_what_was_cut_otherwise_is_built_from_nothing(model, notes, out, monkeypatch):
    built(model, notes, out)
    monkeypatch.setattr(passages, "CUTTING", 2)
    answer, embedded = built(model, notes, out)
    assert "cuts documents otherwise" in answer["fresh"]
    assert len(embedded) == 100


def test_what_was_built_with_another_model_or_piece_table_is_built_from_nothing(model, pieces, notes, out, monkeypatch):
    built(model, notes, out, pieces)

    def told(part, key):
        status = json.loads(Counting(model, pieces)._engine.status())
        status[part][key] = "0" * 64
        monkeypatch.setattr(Counting, "status", lambda self: json.dumps(status | {"indexes": json.loads(self._engine.status())["indexes"]}).encode(), raising=False)
        return built(model, notes, out, pieces)

    if out.is_dir():
        answer, embedded = told("pieces", "digest")
        assert "another piece table" in answer["fresh"]
        assert len(embedded) == 100
    answer, embedded = told("model", "space")
    assert "another model" in answer["fresh"]
    assert len(embedded) == 100


def test_what_is_damaged_is_built_from_nothing(model, notes, out):
    built(model, notes, out)
    broken = out / POINTER if out.is_dir() else out
    broken.write_bytes(broken.read_bytes()[:-40])
    answer, _ = built(model, notes, out)
    assert "cannot be read" in answer["fresh"]
    assert found(model, out)[0] == 100


def test_a_build_of_nothing_leaves_what_was_there(model, notes, out):
    built(model, notes, out)
    before = files(out)
    for path in notes.iterdir():
        path.unlink()
    with pytest.raises(NotFound):
        built(model, notes, out)
    assert files(out) == before


def test_a_full_disk_is_an_error_and_leaves_what_was_there(model, notes, out, monkeypatch):
    built(model, notes, out)
    before = files(out)
    (notes / "new.md").write_text(text(200))

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="No space"):
        built(model, notes, out)
    assert files(out) == before
    monkeypatch.undo()
    assert built(model, notes, out)[0]["documents"] == 101


def test_the_command_says_what_a_build_over_another_costs(model, notes, tmp_path, capsys):
    model_file, out = tmp_path / "tiny.findling", tmp_path / "built"
    model_file.write_bytes(model)
    arguments = ["build", str(notes), "-o", str(out), "--model", str(model_file)]
    assert main(arguments) == 0
    assert "from nothing" not in capsys.readouterr().err
    for number in range(20):
        (notes / f"new{number}.md").write_text(text(300 + number))
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "100 unchanged" in printed.out
    assert "17% of the documents came since" in printed.err
    assert main(["info", str(out)]) == 0
    told = capsys.readouterr().out
    live = listed(inspect((out / POINTER).read_bytes()))[-1]
    assert f"file     {live['file']}  {live['length']} bytes  20 of 20 documents  live" in told
    assert "before the first hit; build --fresh makes them fewer" in told
    assert main([*arguments, "--fresh"]) == 0
    assert "built from nothing" in capsys.readouterr().err
    assert len(asyncio.run(FolderStore(out).names())) == 2


def test_a_published_collection_is_kept_changed_and_carried_on(model, notes, tmp_path):
    out = tmp_path / "built"
    built(model, notes, out)
    exported = bundle.pack(files(out), inspect)
    kept = MemoryStore()

    async def scenario():
        app = App(Counting(model), MemoryStore(), keep=kept)
        imported = await app.import_("notes", exported, title="Notes")
        added = await app.add("notes", documents=[{"id": "boat", "title": "a boat of one's own"}])
        other = (await app.search("notes", "note", 5))["hits"]
        removed = await app.remove("notes", [next(hit["id"] for hit in other if hit["id"] != "boat")])
        again = App(Counting(model), MemoryStore(), keep=kept)
        return imported, added, removed, (await again.collections())["collections"], await again.open("notes", keep=True), await again.search("notes", "boat of one's own")

    imported, added, removed, (listed_now,), opened, found_now = asyncio.run(scenario())
    assert (imported["documents"], imported["title"], added["saved"], removed) == (100, "Notes", True, {"removed": 1, "saved": True})
    assert listed_now["documents"] == opened["documents"] == 100
    assert found_now["hits"][0]["id"] == "boat"
    (published_one,) = [name for name in files(out) if name != POINTER]
    assert f"notes/{published_one}" in kept.files


def test_a_published_collection_that_is_kept_is_searched_in_pieces_until_something_needs_all_of_it(model, notes, tmp_path):
    out = tmp_path / "built"
    built(model, notes, out)
    kept = MemoryStore()
    work = [
        lambda app, id: app.search("notes", "", like=id),
        lambda app, id: app.remove("notes", [id]),
        lambda app, id: app.save("notes"),
        lambda app, id: app.rename("notes", "Mine"),
        lambda app, id: app.add("notes", documents=[{"id": id, "text": "something else"}]),
    ]

    async def scenario():
        exported = bundle.pack(files(out), inspect)
        await App(Counting(model), MemoryStore(), keep=kept).import_("notes", exported)
        seen = []
        for each in work:
            app = App(Counting(model), MemoryStore(), keep=kept)
            opened = await app.open("notes", keep=True)
            found = await app.search("notes", "note", 5)
            # Nothing is stored, and nothing has to be read for that.
            committed = await app.commit("notes")
            # Two that need all of it wait for the same reading.
            await asyncio.gather(each(app, found["hits"][0]["id"]), app.search("notes", "", like=found["hits"][1]["id"]))
            state = await app.open("notes", keep=True)
            seen.append(("lazy" in opened, "lazy" in committed, "lazy" in state, state["saved"]))
            last = state
        return seen, last, await App(Counting(model), MemoryStore(), keep=kept).open("notes", keep=True)

    seen, last, opened = asyncio.run(scenario())
    assert seen == [(True, True, False, True)] * len(work)
    assert (opened["documents"], opened["title"]) == (last["documents"], last["title"]) == (99, "Mine")


def test_what_a_crash_left_in_a_folder_goes_with_the_next_build(model, notes, tmp_path):
    out = tmp_path / "built"
    built(model, notes, out)
    for left in ("segment-0123.findling", ".segment-0123.findling.k3x9_a2b", ".collection.findling.abc"):
        (out / left).write_bytes(b"half")
    (out / "README.txt").write_text("not ours")
    (notes / "new.md").write_text(text(200))
    built(model, notes, out)
    assert len(files(out)) == 4 and "README.txt" in files(out)
    (out / "segment-0123.findling").write_bytes(b"half")
    built(model, notes, out, fresh=True)
    assert len(files(out)) == 3
