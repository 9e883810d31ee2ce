"""Building again when files change, without a clock: waiting is a function, and here it is the one that changes the files."""

import pytest

from findling import cli, watching
from findling.cli import main


class Ended(Exception):
    pass


@pytest.fixture
def source(tmp_path):
    place = tmp_path / "source"
    place.mkdir()
    (place / "a.txt").write_text("a boat")
    return place


def watched(source, out, steps):
    """What was there at each build, when these are the changes from one look to the next."""
    seen = []
    remaining = iter(steps)

    def wait():
        step = next(remaining, None)
        if step is None:
            raise Ended
        step()

    with pytest.raises(Ended):
        watching.watch([source], out, lambda: seen.append(sorted(path.name for path in source.iterdir())), wait)
    return seen


def nothing():
    pass


def test_each_change_is_built_once_when_it_rests(source, tmp_path):
    steps = [nothing, lambda: (source / "b.txt").write_text("wood"), nothing, nothing, lambda: (source / "a.txt").unlink(), nothing]
    assert watched(source, tmp_path / "out", steps) == [["a.txt"], ["a.txt", "b.txt"], ["b.txt"]]


def test_what_is_still_being_written_is_left(source, tmp_path):
    steps = [lambda: (source / "b.txt").write_text("w"), lambda: (source / "b.txt").write_text("wo"), lambda: (source / "b.txt").write_text("wood"), nothing]
    assert len(watched(source, tmp_path / "out", steps)) == 2


def test_the_collection_that_is_written_is_no_change(source, tmp_path):
    out = source / "out"

    def written():
        out.mkdir(exist_ok=True)
        (out / "collection.findling").write_bytes(b"x")

    assert len(watched(source, out, [written, nothing, nothing])) == 1


def test_sources_that_go_and_come_are_built_again(source, tmp_path):
    moved = tmp_path / "moved"
    steps = [lambda: source.rename(moved), lambda: moved.rename(source), nothing, lambda: (source / "c.txt").write_text("c"), nothing]
    assert watched(source, tmp_path / "out", steps) == [["a.txt"], ["a.txt", "c.txt"]]


def test_the_command_builds_again_and_goes_on_after_a_failure(source, tmp_path, model_file, capsys, monkeypatch):
    steps = iter([lambda: (source / "b.txt").write_text("wood"), nothing, lambda: [path.unlink() for path in source.iterdir()], nothing])

    def wait(_):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(cli.time, "sleep", wait)
    out = tmp_path / "out.findling"
    assert main(["build", str(source), "-o", str(out), "--model", str(model_file), "--watch"]) == 130
    printed = capsys.readouterr()
    assert [line.split(": ")[1].split(",")[0] for line in printed.out.splitlines()] == ["1 documents", "2 documents"]
    assert "waiting for the files to change" in printed.err
    assert out.is_file()
