"""What of a kept collection is read, when and in how many calls, on the reference engine and a store that notes them.

Invariant under test: nothing is read twice, what a step lacks is one call, and nobody who searches waits for what others read ahead.
"""

import asyncio
import json

import pytest

from findling import collection, commits
from findling.app import App
from findling.errors import NotFound
from findling.reference import ReferenceEngine
from findling.reference_segments import inspect
from findling.segments import POINTER
from findling.store import MemoryStore, read_ranges

FRUIT = [
    {"id": "apple", "title": "Apple", "text": "a round fruit that grows on a tree"},
    {"id": "boat", "title": "Boat", "text": "a small ship that floats on water"},
    {"id": "cat", "title": "Cat", "text": "an animal that purrs"},
]


class Parted(MemoryStore):
    """A store to which many parts of a file are one call, that notes its calls and reads parts when it may."""

    def __init__(self, files):
        super().__init__(files)
        self.calls = []
        self.may = asyncio.Event()
        self.may.set()

    async def read(self, file, offset, length):
        self.calls.append(file)
        return await super().read(file, offset, length)

    async def read_parts(self, file, parts):
        self.calls.append(file)
        await self.may.wait()
        return [await super(Parted, self).read(file, *each) for each in parts]


def app_over(kept):
    return App(ReferenceEngine.with_hashed_words(), MemoryStore(), keep=kept, inspect=inspect)


async def filled(app):
    await app.open("things", keep=True)
    return await app.add("things", documents=FRUIT)


def test_a_pointer_is_read_once_and_of_a_segment_all_that_is_lacking_at_once(kept, run):
    async def scenario():
        await filled(app_over(kept))
        rounds = []
        engine = ReferenceEngine.with_hashed_words()
        for method in ("open", "search"):
            setattr(engine, method, needing(getattr(engine, method), rounds))
        store = Parted(kept.files)
        app = App(engine, MemoryStore(), keep=store, inspect=inspect)
        await app.open("things", keep=True)
        return store.calls, rounds, await app.search("things", "ship on water")

    calls, rounds, found = run(scenario())
    assert found["hits"][0]["id"] == "boat"
    assert calls.count(f"things/{POINTER}") == 1
    assert len(calls) == 1 + sum(len(set(files) - {f"things/{POINTER}"}) for files in rounds)


def needing(method, rounds):
    """A method of an engine that notes of which files it lacks something, each time."""

    def asked(request):
        answer = method(request)
        needs = json.loads(answer).get("need", ())
        if needs:
            rounds.append([need["file"] for need in needs])
        return answer

    return asked


def test_reading_what_searches_have_not_read_waits_for_searches(kept, run, monkeypatch):
    monkeypatch.setattr(collection, "REST_AFTER_S", 0)

    async def scenario():
        await filled(app_over(kept))
        engine, calls = ReferenceEngine.with_hashed_words(), []
        (segment,) = [name for name in kept.files if not name.endswith(POINTER)]
        lacking = {"need": [{"file": segment, "offset": 0, "length": 1}]}
        for method in ("search", "remove"):
            steps = [lambda request: json.dumps(lacking).encode(), getattr(engine, method)]
            setattr(engine, method, noting(method, steps, calls))
        store = Parted(kept.files)
        app = App(engine, MemoryStore(), keep=store, inspect=inspect)
        await app.open("things", keep=True)
        store.may.clear()
        searching = asyncio.ensure_future(app.search("things", "ship on water"))
        for _ in range(50):
            await asyncio.sleep(0)
        store.may.set()
        await searching
        while calls.count("remove") < 2:
            await asyncio.sleep(0)
        return calls

    assert run(scenario()) == ["remove", "search", "search", "remove"]


def noting(name, steps, calls):
    """A method of an engine that notes that it was called, and answers by these in turn."""

    def asked(request):
        calls.append(name)
        return steps[min(calls.count(name), len(steps)) - 1](request)

    return asked


def test_a_pointer_of_any_length_is_read_to_its_end(kept, run, monkeypatch):
    async def scenario(many):
        monkeypatch.setattr(commits, "POINTER_BYTES", many)
        return await app_over(kept).open("things", keep=True)

    run(filled(app_over(kept)))
    length = len(kept.files[f"things/{POINTER}"])
    assert [run(scenario(many))["documents"] for many in (1, length - 1, length, length + 1)] == [3, 3, 3, 3]


def test_ranges_of_several_files_come_in_the_order_they_were_asked_for_in(run):
    files = {"a": b"abcdef", "b": b"uvwxyz"}
    ranges = [("a", 4, 9), ("b", 0, 2), ("a", 0, 1), ("b", 5, 1)]
    parted = Parted(files)
    assert [run(read_ranges(store, ranges)) for store in (parted, MemoryStore(files))] == [[b"ef", b"uv", b"a", b"z"]] * 2
    assert parted.calls == ["a", "b"]
    with pytest.raises(NotFound):
        run(read_ranges(parted, [("a", 0, 1), ("c", 0, 1)]))
