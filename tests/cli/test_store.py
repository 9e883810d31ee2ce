"""The stores of CPython: ranges, names that lead astray, and files that are replaced whole.

Invariant under test: a reader sees the old file or the new one, and never a file outside the folder.
"""

import asyncio
import os

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
