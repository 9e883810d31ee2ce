"""Models and tables that are found, fetched once and kept: nothing that was named is passed over, nothing that was changed is used."""

import hashlib
import json
import threading

import pytest

from findling import cache, installed
from findling.cli import main
from findling.errors import NotFound, StorageError, WrongDigest
from findling.serve import server


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An installation without a model of its own."""
    monkeypatch.setattr(installed, "PACKAGE", tmp_path / "bare/lib/findling")
    monkeypatch.setattr(installed, "CHECKOUT", tmp_path / "bare")


@pytest.fixture
def address(model, tmp_path):
    """A web server that has the model; what was asked of it is not known, but it can be stopped."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "tiny.findling").write_bytes(model)
    (folder / "index.findling").write_bytes(b"no model")
    running = server(folder)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    class Served:
        url = f"http://127.0.0.1:{running.server_port}/tiny.findling"

        def stop(self):
            if thread.is_alive():
                running.shutdown()
                running.server_close()
                thread.join()

    served = Served()
    yield served
    served.stop()


def test_without_a_model_it_is_said_what_to_do(bare, own_cache, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a boat")
    assert main(["build", str(tmp_path / "a.txt"), "-o", str(tmp_path / "out.findling")]) == 4
    told = capsys.readouterr().err
    assert "--model or FINDLING_MODEL" in told and str(own_cache) in told


def test_a_model_is_fetched_once_and_used_from_then_on(bare, own_cache, address, model, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a small boat")
    out = str(tmp_path / "out.findling")
    assert main(["build", str(tmp_path / "a.txt"), "-o", out, "--model", address.url]) == 0
    digest = hashlib.sha256(model).hexdigest()
    assert (own_cache / digest).read_bytes() == model
    address.stop()
    for arguments in ([], ["--model", address.url], ["--model", f"{address.url}#sha256={digest}"]):
        assert main(["search", out, "boat", *arguments]) == 0


def test_a_kept_file_that_was_changed_is_not_used(bare, own_cache, address, model, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a small boat")
    build = ["build", str(tmp_path / "a.txt"), "-o", str(tmp_path / "out.findling")]
    assert main([*build, "--model", address.url]) == 0
    kept = own_cache / hashlib.sha256(model).hexdigest()
    kept.write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    assert main(build) == 5
    assert "was changed" in capsys.readouterr().err
    assert not kept.exists()
    assert main([*build, "--model", address.url]) == 0
    assert kept.read_bytes() == model


def test_a_promised_digest_has_to_be_that_of_the_file(bare, own_cache, address, tmp_path, capsys):
    for _ in range(2):
        with pytest.raises(WrongDigest):
            installed.find(installed.MODEL, f"{address.url}#sha256={'0' * 64}")
    assert cache.Cache(own_cache).entries() == []


def test_what_is_no_model_is_not_kept(bare, own_cache, address):
    with pytest.raises(Exception, match="not a Findling"):
        installed.find(installed.MODEL, address.url.replace("tiny", "index"))
    assert cache.Cache(own_cache).entries() == []


def test_a_server_that_does_not_answer_is_a_failure_of_the_network(bare, address, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a small boat")
    address.stop()
    assert main(["build", str(tmp_path / "a.txt"), "-o", str(tmp_path / "x.findling"), "--model", address.url]) == 5


def test_a_file_that_was_named_is_never_passed_over(tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        installed.find(installed.MODEL, tmp_path / "nowhere")


def test_an_installation_finds_what_came_with_it(monkeypatch, tmp_path, model, pieces):
    files = tmp_path / "findling/site/files"
    files.mkdir(parents=True)
    (files / f"all-MiniLM-L6-v2-{'0' * 16}.findling").write_bytes(model)
    (files / f"all-MiniLM-L6-v2-pieces-{'1' * 16}.findling").write_bytes(pieces)
    monkeypatch.setattr(installed, "PACKAGE", tmp_path / "findling")
    monkeypatch.setattr(installed, "CHECKOUT", tmp_path / "nowhere")
    assert installed.find(installed.MODEL).data == model
    assert installed.find(installed.PIECES).data == pieces
    status = json.loads(installed.engine().status())
    assert status["model"] and status["pieces"]
    with pytest.raises(NotFound, match="built site"):
        installed.site()
    (tmp_path / "findling/site/index.html").write_text("<!doctype html>")
    assert installed.site() == tmp_path / "findling/site"


@pytest.mark.parametrize(
    ("platform", "variables", "place"),
    [
        ("linux", {"FINDLING_CACHE": "told"}, "told"),
        ("linux", {"XDG_CACHE_HOME": "/x/cache"}, "/x/cache/findling"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/findling"),
        ("linux", {}, "~/.cache/findling"),
        ("darwin", {}, "~/Library/Caches/findling"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/findling/cache"),
    ],
)
def test_the_cache_lies_where_the_system_has_it(platform, variables, place, monkeypatch):
    for name in ("FINDLING_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.folder() == cache.Path(place).expanduser()


def test_a_cache_that_cannot_be_written_says_where(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="FINDLING_CACHE"):
        cache.Cache(tmp_path / "file").put(b"bytes", "name")
    assert cache.Cache(tmp_path / "nowhere").free_bytes() > 0
