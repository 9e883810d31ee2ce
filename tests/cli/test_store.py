"""The stores of CPython: ranges, names that lead astray, and files that are replaced whole.

Invariant under test: a reader sees the old file or the new one, and never a file outside the folder.
"""

import asyncio
import os
import tempfile

import pytest

from findling.errors import NotFound, StorageError
from findling.store import FolderStore, MemoryStore


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path)


def test_a_file_is_read_back_in_ranges(store):
    async def scenario():
        await store.write("a/b.bin", b"0123456789")
        return await store.size("a/b.bin"), await store.read("a/b.bin", 2, 3), await store.read("a/b.bin", 8, 100)

    assert asyncio.run(scenario()) == (10, b"234", b"89")


def test_a_missing_file_is_not_found(store):
    with pytest.raises(NotFound, match="gone"):
        asyncio.run(store.read("gone", 0, 1))
    with pytest.raises(NotFound, match="gone"):
        asyncio.run(store.size("gone"))


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../outside", ""])
def test_names_that_lead_out_of_the_folder_are_not_found(tmp_path, name):
    (tmp_path / "outside").write_bytes(b"secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(NotFound):
        asyncio.run(FolderStore(inside).read(name, 0, 10))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    store = FolderStore(tmp_path)
    asyncio.run(store.write("a", b"old"))

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="No space"):
        asyncio.run(store.write("a", b"new"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        asyncio.run(FolderStore(tmp_path).read("folder", 0, 1))


def test_files_are_listed_by_the_beginning_of_their_names_and_removed(store):
    async def scenario():
        for name in ("one", "a/two", "a/three", "ab/four"):
            await store.write(name, b"x")
        listed = [await store.names(), await store.names("a/"), await store.names("a"), await store.names("nothing/")]
        await store.remove("a/two")
        await store.remove("a/two")
        await store.remove("a/three")
        return listed, await store.names()

    listed, left = asyncio.run(scenario())
    assert listed == [["a/three", "a/two", "ab/four", "one"], ["a/three", "a/two"], ["a/three", "a/two", "ab/four"], []]
    assert left == ["ab/four", "one"]


def test_a_folder_that_is_empty_now_is_gone_and_links_are_not_listed(tmp_path):
    store = FolderStore(tmp_path / "store")

    async def scenario():
        assert await store.names() == []
        await store.write("a/b", b"x")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/c").write_bytes(b"secret")
        (tmp_path / "store/link").symlink_to(tmp_path / "outside")
        (tmp_path / "store/a/link").symlink_to(tmp_path / "outside/c")
        listed = await store.names()
        (tmp_path / "store/a/link").unlink()
        await store.remove("a/b")
        return listed

    assert asyncio.run(scenario()) == ["a/b"]
    assert not (tmp_path / "store/a").exists()


STEPS = ["mkstemp", "write", "fsync of the file", "chmod", "replace", "fsync of the folder"]


@pytest.mark.parametrize("step", STEPS)
def test_whichever_step_of_a_write_fails_the_file_is_old_or_new_and_alone(tmp_path, monkeypatch, step):
    store = FolderStore(tmp_path)
    asyncio.run(store.write("a", b"old"))
    taken = []

    def failing(name, function):
        def call(*arguments, **more):
            taken.append(name if name != "fsync" else f"fsync of the {'folder' if taken.count('replace') else 'file'}")
            if taken[-1] == step:
                raise OSError(28, "No space left on device")
            return function(*arguments, **more)

        return call

    for name in ("fsync", "chmod", "replace"):
        monkeypatch.setattr(os, name, failing(name, getattr(os, name)))
    monkeypatch.setattr(tempfile, "mkstemp", failing("mkstemp", tempfile.mkstemp))
    opened = os.fdopen

    def with_failing_write(*arguments):
        stream = opened(*arguments)
        monkeypatch.setattr(os, "fdopen", opened)
        write = failing("write", stream.write)

        class Stream:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                stream.close()

            def __getattr__(self, name):
                return write if name == "write" else getattr(stream, name)

        return Stream()

    monkeypatch.setattr(os, "fdopen", with_failing_write)
    with pytest.raises(StorageError, match="No space"):
        asyncio.run(store.write("a", b"new"))
    monkeypatch.undo()
    assert taken[-1] == step and taken == STEPS[: len(taken)]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == (b"new" if step == "fsync of the folder" else b"old")
    asyncio.run(store.write("a", b"new"))
    assert (tmp_path / "a").read_bytes() == b"new"
