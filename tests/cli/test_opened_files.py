"""`findling.open` over files, folders and addresses, with the native engine: what it writes is what the command line builds."""

import threading

import pytest

import findling
from findling.cli import main
from findling.engine import inspect
from findling.errors import BadFormat, BadRequest, NetworkError, NotFound, StorageError
from findling.segments import POINTER, listed
from findling.serve import server


@pytest.fixture
def built(folder, model_file, tmp_path):
    """The same files as one file and as a published folder, by the command line."""
    for name in ("one.findling", "many"):
        assert main(["build", str(folder), "-o", str(tmp_path / name), "--model", str(model_file), "--quiet"]) == 0
    return tmp_path


def ids(found):
    return [hit.id for hit in found.hits]


@pytest.mark.parametrize("name", ["one.findling", "many"])
def test_what_the_command_line_built_is_opened_changed_and_saved(built, model_file, name):
    with findling.open(built / name, model=model_file) as opened:
        assert len(opened) == 3
        assert ids(opened.search("wood for rowing"))[0] == "deep/a.md#2"
        opened.add([{"id": "new", "text": "a submarine dives"}])
        opened.remove(["b.txt"])
        assert opened.save() == built / name
    with findling.open(str(built / name), model=model_file) as opened:
        assert ids(opened.search("submarine", legs="words")) == ["new"]
        assert len(opened) == 3


def test_in_the_folder_it_was_opened_from_only_what_changed_is_written(model_file, tmp_path):
    many, out = [{"id": f"n{number}", "text": f"note {number} of a boat"} for number in range(40)], tmp_path / "many"
    with findling.open(model=model_file) as opened:
        opened.add(many)
        opened.save(out)
    (published,) = (each["file"] for each in listed(inspect((out / POINTER).read_bytes())))
    with findling.open(out, model=model_file) as opened:
        for number in range(3):
            opened.add([{"id": f"new{number}", "text": f"a submarine dives {number} times"}])
            opened.remove([f"n{number}"])
            assert opened.save() == out
            first, *live = listed(inspect((out / POINTER).read_bytes()))
            assert (first["file"], first["living"]) == (published, 39 - number)
            assert sum(each["documents"] for each in live) == number + 1
            assert len(list(out.iterdir())) == 2 + len(live)
        with findling.open(out, model=model_file) as again:
            assert sorted(ids(again.search("submarine", legs="words"))) == ["new0", "new1", "new2"]
            assert len(again) == 40
        # More than a tenth of it would lie in live segments now.
        opened.add([{"id": f"more{number}", "text": "one more"} for number in range(3)])
        opened.save()
        assert [each.get("live") for each in listed(inspect((out / POINTER).read_bytes()))] == [None]
    scratch = {path.name: path.read_bytes() for path in out.iterdir()}
    with findling.open(out, model=model_file) as opened:
        opened.save(fresh=True)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == scratch
        (out / POINTER).unlink()
        opened.save()
        assert {path.name: path.read_bytes() for path in out.iterdir()} == scratch


def test_files_are_read_as_the_command_line_reads_them(built, folder, model_file, tmp_path, capsys):
    with findling.open(model=model_file) as opened:
        answer = opened.add(files=[folder])
        assert (answer["added"], [each["name"] for each in answer["skipped"]]) == (3, ["broken.json"])
        opened.save(tmp_path / "own.findling")
        opened.save(tmp_path / "own")
        with pytest.raises(NotFound):
            opened.add(files=[tmp_path / "nowhere"])
    assert (tmp_path / "own.findling").read_bytes() == (built / "one.findling").read_bytes()
    assert {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()} == {path.name: path.read_bytes() for path in (built / "many").iterdir()}


def test_documents_and_files_are_counted_together(folder, model_file):
    with findling.open(model=model_file) as opened:
        assert opened.add([{"id": "x", "text": "wood"}], files=[folder / "b.txt"])["added"] == 2
        assert opened.add([{"id": "x", "text": "wood"}], files=[folder / "b.txt"])["unchanged"] == 2


def test_a_collection_is_read_from_an_address(built, model_file):
    running = server(built)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with findling.open(f"http://127.0.0.1:{running.server_port}/one.findling", model=model_file) as opened:
            assert ids(opened.search("wood for rowing"))[0] == "deep/a.md#2"
        with pytest.raises(NotFound):
            findling.open(f"http://127.0.0.1:{running.server_port}/gone.findling", model=model_file)
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
    with pytest.raises(NetworkError):
        findling.open(f"http://127.0.0.1:{running.server_port}/one.findling", model=model_file)


def test_what_cannot_be_opened_leaves_no_thread(built, model_file):
    before = threading.active_count()
    (built / "other.findling").write_bytes(b"no index of ours, whatever it is")
    with pytest.raises(BadFormat):
        findling.open(built / "other.findling", model=model_file)
    with pytest.raises(NotFound):
        findling.open(built / "nowhere", model=model_file)
    assert threading.active_count() == before


def test_a_failed_save_keeps_what_was_there(built, model_file, monkeypatch):
    before = (built / "one.findling").read_bytes()
    with findling.open(built / "one.findling", model=model_file) as opened:
        opened.add([{"id": "new", "text": "a submarine dives"}])
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
        with pytest.raises(StorageError):
            opened.save()
        monkeypatch.undo()
        assert (built / "one.findling").read_bytes() == before
        assert ids(opened.search("submarine", legs="words")) == ["new"]


def test_a_folder_of_ones_own_keeps_every_change(model_file, tmp_path):
    folder = tmp_path / "notes"
    with findling.open(folder, keep=True, model=model_file) as opened:
        assert not folder.exists()
        assert opened.add([{"id": "a", "text": "a small boat"}, {"id": "b", "text": "wood for rowing"}])["saved"]
        opened.remove(["b"])
        assert opened.saved
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with findling.open(folder, keep=True, model=model_file) as opened:
        assert ids(opened.search("boat")) == ["a"]
        assert opened.add([{"id": "a", "text": "a small boat"}])["unchanged"] == 1
        assert opened.save() == folder
        assert opened.save(tmp_path / "copy.findling") == tmp_path / "copy.findling"
    with findling.open(folder, model=model_file) as opened:
        assert (ids(opened.search("boat")), opened.saved) == (["a"], None)


def test_what_could_not_be_kept_is_said_and_tried_again(model_file, tmp_path, monkeypatch):
    before = threading.active_count()
    with findling.open(tmp_path / "notes", keep=True, model=model_file) as opened:
        opened.add([{"id": "a", "text": "a small boat"}])
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
        answer = opened.add([{"id": "b", "text": "wood for rowing"}])
        assert (answer["saved"], answer["fault"]["code"], opened.saved) == (False, "storage", False)
        with pytest.raises(StorageError):
            opened.commit()
        assert ids(opened.search("rowing", legs="words")) == ["b"]
        monkeypatch.undo()
        opened.commit()
        assert opened.saved
    with pytest.raises(StorageError), findling.open(tmp_path / "notes", keep=True, model=model_file) as opened:
        monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space")))
        opened.remove(["a"])
    assert threading.active_count() == before


@pytest.mark.parametrize("target", [None, "https://example.org/notes", "Notes and more"])
def test_only_a_folder_with_a_plain_name_is_kept(target, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRequest):
        findling.open(target, keep=True, model=model_file)
