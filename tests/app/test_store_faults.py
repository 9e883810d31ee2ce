"""Faults of a store at every one of its calls in turn, on the reference engine.

Owns a store whose n-th call fails, before or after it has done what it was asked. Invariant under test: what is stored is
always one of the states that the collection went through, never older than what was said to be saved; the fault is told;
and the next commit stores what there is.
"""

import pytest

from findling.app import App
from findling.errors import FindlingError, StorageError
from findling.reference import ReferenceEngine
from findling.reference_segments import inspect
from findling.store import MemoryStore


class Faulty(MemoryStore):
    """Fails its n-th call, and all after it until it is `repaired`."""

    def __init__(self, fails_at=None, is_late=False, lasts=1):
        super().__init__()
        self.calls, self.fails_at, self.is_late, self.lasts = 0, fails_at, is_late, lasts

    async def _call(self, method, *arguments):
        self.calls += 1
        is_failing = self.fails_at is not None and self.fails_at <= self.calls < self.fails_at + self.lasts
        if is_failing and not self.is_late:
            raise StorageError("no luck")
        answer = await getattr(super(), method)(*arguments)
        if is_failing:
            raise StorageError("no luck, or so it seems")
        return answer

    async def read(self, *arguments):
        return await self._call("read", *arguments)

    async def size(self, *arguments):
        return await self._call("size", *arguments)

    async def write(self, *arguments):
        await self._call("write", *arguments)

    async def remove(self, *arguments):
        await self._call("remove", *arguments)

    async def names(self, *arguments):
        return await self._call("names", *arguments)


def titled(**titles):
    return [{"id": id, "title": title} for id, title in titles.items()]


def app_over(store):
    return App(ReferenceEngine.with_hashed_words(), MemoryStore(), clock=lambda: 0.0, keep=store, inspect=inspect)


LIFE = [
    ("add", titled(a="one", b="two", c="three")),
    ("add", titled(a="four", d="five")),
    ("remove", ["b"]),
    ("rename", "Another title"),
    ("add", titled(**{f"x{number}": f"number {number}" for number in range(12)})),
    ("remove", [f"x{number}" for number in range(9)]),
    ("add", titled(a="six", b="seven")),
]


async def contents(app):
    """Title and documents of the collection."""
    state = await app.open("things", keep=True)
    records = (await app._collections["things"]._ask(app._engine.records, {"index": "things"}))["records"]
    return state["title"], {each["id"]: each["record"]["title"] for each in records}


async def live(store):
    """Do all that happens in a life; gives the states, the number of the one that was last said to be saved, and the app."""
    app = app_over(store)
    states, saved, told = [("things", {})], 0, []
    try:
        await app.open("things", keep=True)
    except FindlingError:
        # Nobody could open it, so nobody changed it.
        return states, saved, None, ["opening"]
    for verb, what in LIFE:
        title, documents = states[-1][0], dict(states[-1][1])
        if verb == "add":
            answer = await app.add("things", documents=what)
            documents.update({each["id"]: each["title"] for each in what})
        elif verb == "remove":
            answer = await app.remove("things", what)
            for id in what:
                documents.pop(id, None)
        else:
            answer = await app.rename("things", what)
            title = what
        states.append((title, documents))
        if answer["saved"]:
            saved = len(states) - 1
        else:
            told.append(answer["fault"]["message"])
    return states, saved, app, told


async def reopened(store):
    fresh = MemoryStore(store.files)
    return await contents(app_over(fresh))


def test_a_life_without_faults_is_stored_at_every_step(run):
    store = Faulty()

    async def scenario():
        states, saved, app, told = await live(store)
        return states, saved, told, await contents(app), await reopened(store)

    states, saved, told, held, stored = run(scenario())
    assert saved == len(LIFE) and told == []
    assert held == stored == states[-1]
    assert stored[0] == "Another title"


@pytest.mark.parametrize("lasts", [1, 9], ids=["once", "for-long"])
@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_whichever_call_fails_old_or_new_is_stored(run, is_late, lasts):
    async def scenario(at):
        store = Faulty(at, is_late, lasts)
        states, saved, app, told = await live(store)
        stored = await reopened(store)
        assert stored in states[saved:], f"call {at}: neither old nor new"
        if app is None:
            return True
        assert await contents(app) == states[-1]
        store.fails_at = None
        assert (await app.commit("things"))["saved"]
        assert await reopened(store) == states[-1], f"call {at}: the next commit did not store all"
        assert len(store.files) <= 4, "what no pointer names is swept away"
        return bool(told)

    whole = Faulty()
    run(live(whole))
    assert whole.calls > 30
    told = sum(run(scenario(at)) for at in range(1, whole.calls + 1))
    # What is not told are sweeping and merging, which lose nothing.
    assert told > whole.calls / 2


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_whichever_call_fails_an_import_or_a_removal_is_whole_or_finished_by_the_next(run, is_late):
    async def bundle():
        app = app_over(MemoryStore())
        await app.open("things", keep=True)
        await app.add("things", documents=LIFE[0][1])
        return (await app.export("things"))["bytes"]

    exported = run(bundle())

    async def scenario(at):
        store = Faulty(at, is_late)
        app = app_over(store)
        outcomes = []
        for asked in (lambda: app.import_("things", exported), lambda: app.delete("things")):
            try:
                await asked()
                outcomes.append(None)
            except FindlingError as error:
                outcomes.append(error.code)
            names = [name for name in store.files if name.endswith("collection.findling")]
            if names:
                assert (await reopened(store))[1] == {"a": "one", "b": "two", "c": "three"}
        store.fails_at = None
        if store.files:
            await app.delete("things")
        assert store.files == {}
        return outcomes

    whole = Faulty()
    run(app_over(whole).import_("things", exported))
    outcomes = [run(scenario(at)) for at in range(1, whole.calls + 8)]
    assert {code for each in outcomes for code in each} == {None, "storage", "not_found"}
