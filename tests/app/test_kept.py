"""Collections that are kept, on the reference engine and stores in memory that fail when they are told to.

Invariant under test: what is said to be saved is there when it is opened again; what fails costs nothing but the saving; and
a collection comes back from its bundle as it was.
"""

import asyncio
import json

import pytest

from findling import bundle
from findling.app import App, Ticket
from findling.collection import COMMIT_S
from findling.errors import BadFormat, BadRequest, NotFound, StorageError, Unsupported
from findling.reference import ReferenceEngine
from findling.reference_segments import inspect
from findling.segments import POINTER
from findling.store import MemoryStore

FRUIT = [
    {"id": "apple", "title": "Apple", "text": "a round fruit that grows on a tree", "colour": "red"},
    {"id": "boat", "title": "Boat", "text": "a small ship that floats on water"},
    {"id": "cat", "title": "Cat", "text": "an animal that purrs", "kind": "animal", "size": 1},
]


class Failing(MemoryStore):
    """A store whose disk is full while `is_full`."""

    is_full = False

    async def write(self, file, data):
        if self.is_full:
            raise StorageError(f"{file!r} could not be written: No space left on device", file=file)
        await super().write(file, data)


class Counting(ReferenceEngine):
    """Remembers which documents it was given."""

    def add(self, request):
        self.given = [*getattr(self, "given", []), *(each["id"] for each in json.loads(request)["documents"])]
        return super().add(request)


class Shared(MemoryStore):
    """A store that two Apps share: one of them may write a collection."""

    def __init__(self, files, held):
        super().__init__()
        self.files, self.held, self.own = files, held, set()

    async def claim(self, name):
        if name in self.held - self.own:
            return False
        self.held.add(name)
        self.own.add(name)
        return True

    async def release(self, name):
        self.held.discard(name)
        self.own.discard(name)


class Slow(Shared):
    """One that says who may write when it is told to."""

    def __init__(self, files, held):
        super().__init__(files, held)
        self.may = asyncio.Event()

    async def claim(self, name):
        await self.may.wait()
        return await super().claim(name)


def app_over(kept, **more):
    return App(Counting.with_hashed_words(), MemoryStore(), clock=more.pop("clock", lambda: 0.0), keep=kept, inspect=inspect, **more)


async def filled(app, name="things"):
    await app.open(name, keep=True)
    return await app.add(name, documents=FRUIT)


def ids(answer):
    return sorted(hit["id"] for hit in answer["hits"])


def test_what_is_saved_is_there_when_it_is_opened_again(kept, run):
    async def scenario():
        added = await filled(app_over(kept))
        app = app_over(kept)
        return added, await app.open("things", keep=True), await app.search("things", "ship on water")

    added, opened, found = run(scenario())
    assert added["saved"] and opened["saved"]
    assert opened["documents"] == 3
    assert found["hits"][0]["id"] == "boat"


def test_removing_is_stored_too(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        assert await app.remove("things", ["boat", "nobody"]) == {"removed": 1, "saved": True}
        return await app_over(kept).open("things", keep=True)

    assert run(scenario())["documents"] == 2


def test_opening_one_that_is_not_there_writes_nothing(kept, run):
    opened = run(app_over(kept).open("things", keep=True))
    assert (opened["documents"], opened["title"], opened["saved"]) == (0, "things", True)
    assert kept.files == {}


def test_one_that_is_not_kept_is_never_stored_nor_said_to_be(kept, run):
    async def scenario():
        app = app_over(kept)
        await app.open("things")
        added = await app.add("things", documents=FRUIT)
        with pytest.raises(BadRequest, match="not kept"):
            await app.rename("things", "mine")
        with pytest.raises(BadRequest, match="not kept"):
            await app.open("things", keep=True)
        return added

    assert "saved" not in run(scenario())
    assert kept.files == {}


def test_a_full_disk_is_told_the_old_state_stays_and_searching_goes_on(run):
    kept = Failing()

    async def scenario():
        app = app_over(kept)
        await filled(app)
        before = dict(kept.files)
        kept.is_full = True
        added = await app.add("things", documents=[{"id": "dog", "title": "Dog"}])
        assert kept.files == before
        found = await app.search("things", "dog")
        status = (await app.status())["collections"]["things"]
        listed = (await app.collections())["collections"]
        removed = await app.remove("things", ["cat"])
        kept.is_full = False
        again = await app.commit("things")
        return added, found, status, listed, removed, again, await app_over(kept).open("things", keep=True)

    added, found, status, listed, removed, again, opened = run(scenario())
    for told in (added, status, listed[0], removed):
        assert told["saved"] is False
        assert told["fault"]["code"] == "storage"
        assert "No space" in told["fault"]["message"]
    assert ids(found)[0] in {"apple", "boat", "cat", "dog"} and found["hits"][0]["id"] == "dog"
    assert again["saved"] is True and "fault" not in again
    assert opened["documents"] == 3


def test_what_could_not_be_stored_can_be_exported_all_the_same(run):
    kept = Failing()

    async def scenario():
        app = app_over(kept)
        await filled(app)
        kept.is_full = True
        await app.add("things", documents=[{"id": "dog", "title": "Dog"}])
        exported = await app.export("things")
        return await app_over(MemoryStore()).import_("other", exported["bytes"])

    assert run(scenario())["documents"] == 4


def test_only_what_changed_is_embedded(kept, run):
    async def scenario():
        await filled(app_over(kept))
        app = app_over(kept)
        await app.open("things", keep=True)
        changed = [FRUIT[0], FRUIT[1] | {"text": "a ship"}, FRUIT[2] | {"size": True}, {"id": "dog", "title": "Dog"}]
        return await app.add("things", documents=changed), app._engine.given

    added, given = run(scenario())
    assert (added["added"], added["replaced"], added["unchanged"]) == (1, 2, 1)
    assert given == ["boat", "cat", "dog"]


def test_of_two_documents_with_one_id_the_last_counts_even_if_it_is_there_already(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        await app.add("things", documents=[FRUIT[0] | {"title": "Pear"}, FRUIT[0]])
        return await app.search("things", "apple")

    assert run(scenario())["hits"][0]["document"]["title"] == "Apple"


def test_what_was_cut_otherwise_is_embedded_again(kept, run, monkeypatch):
    async def scenario():
        await filled(app_over(kept))
        app = app_over(kept)
        monkeypatch.setattr("findling.passages.CUTTING", 2)
        await app.open("things", keep=True)
        return await app.add("things", documents=FRUIT)

    assert run(scenario())["unchanged"] == 0


def test_an_import_is_stored_while_it_runs_and_when_it_is_cancelled(kept, run):
    now, stored, ticket = [0.0], [], Ticket()

    class Slow(Counting):
        def add(self, request):
            now[0] += COMMIT_S / 2
            return super().add(request)

    async def scenario():
        app = App(Slow.with_hashed_words(), MemoryStore(), clock=lambda: now[0], keep=kept, inspect=inspect)
        await app.open("things", keep=True)

        def look(done, total, name):
            stored.append(len(kept.files))
            ticket.is_cancelled = done > 70

        ticket.progress = look
        many = [{"id": str(number), "text": f"number{number} " + "a few words " * 30} for number in range(100)]
        added = await app.add("things", documents=many, ticket=ticket)
        return added, await app_over(kept).open("things", keep=True)

    added, opened = run(scenario())
    assert stored[:2] == [0, 0] and stored[-1] > 1
    assert 70 < added["added"] == opened["documents"] < 100
    assert added["saved"]


def test_the_list_has_what_is_open_and_what_is_not(kept, run):
    async def scenario():
        first = app_over(kept)
        await filled(first, "beta")
        await first.rename("beta", "Größe  & <b>mehr</b>")
        app = app_over(kept)
        await filled(app, "alpha")
        await app.open("gamma", keep=True)
        kept.files["stranger"] = b"x"
        kept.files["../odd/" + POINTER] = b"x"
        kept.files["broken/" + POINTER] = b"nothing of ours"
        return (await app.collections())["collections"]

    alpha, beta, broken = run(scenario())
    assert (alpha["collection"], alpha["title"], alpha["documents"], alpha["open"], alpha["saved"]) == ("alpha", "alpha", 3, True, True)
    assert (beta["collection"], beta["title"], beta["open"]) == ("beta", "Größe  & <b>mehr</b>", False)
    assert beta["size_bytes"] == sum(len(data) for name, data in kept.files.items() if name.startswith("beta/"))
    assert beta["documents"] == 3
    assert (broken["collection"], broken["fault"]["code"]) == ("broken", "bad_format")


def test_a_title_is_stored_also_of_one_that_is_not_open(kept, run):
    async def scenario():
        await filled(app_over(kept))
        app = app_over(kept)
        renamed = await app.rename("things", "My things")
        return renamed, (await app.status())["collections"], await app.open("things", keep=True)

    renamed, open_after, opened = run(scenario())
    assert renamed == {"collection": "things", "title": "My things", "saved": True}
    assert open_after == {}
    assert (opened["title"], opened["documents"]) == ("My things", 3)


def test_what_is_deleted_leaves_nothing(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        await filled(app, "others")
        kept.files["things/segment-left.findling"] = b"a crash"
        await app.delete("things")
        with pytest.raises(NotFound):
            await app.search("things", "apple")
        with pytest.raises(NotFound):
            await app.delete("things")
        await app_over(kept).delete("others")
        return (await app_over(kept).collections())["collections"]

    assert run(scenario()) == []
    assert kept.files == {}


def test_deleting_waits_for_what_is_being_written(run):
    class Slow(MemoryStore):
        async def write(self, file, data):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await super().write(file, data)

    kept = Slow()

    async def scenario():
        app = app_over(kept)
        await app.open("things", keep=True)
        adding = asyncio.ensure_future(app.add("things", documents=FRUIT))
        while not app._collections["things"].keeper._lock.locked():
            await asyncio.sleep(0)
        await app.delete("things")
        await asyncio.gather(adding, return_exceptions=True)

    run(scenario())
    assert kept.files == {}


def test_a_bundle_has_the_same_bytes_and_comes_back_as_it_was(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        await app.rename("things", "My things")
        exported = await app.export("things")
        closed = await app_over(kept).export("things")
        imported = await app.import_("again", exported["bytes"], title="Again")
        return exported, closed, imported, await app.search("things", "small ship"), await app.search("again", "small ship")

    exported, closed, imported, found, again = run(scenario())
    assert exported["name"] == "My-things.findling.zip"
    assert exported == closed
    assert (imported["collection"], imported["title"], imported["documents"], imported["saved"]) == ("again", "Again", 3, True)
    assert found["hits"] == again["hits"]


def test_what_save_gives_can_be_imported_too(app, kept, run):
    async def scenario():
        await app.open("memory")
        await app.add("memory", documents=FRUIT)
        saved = (await app.save("memory"))["bytes"]
        imported = await app.import_("things", saved), await app.export("memory"), await app.search("memory", "small ship")
        again = app_over(kept)
        await again.open("things", keep=True)
        return *imported, await again.search("things", "small ship")

    imported, exported, found, again = run(scenario())
    assert (imported["documents"], imported["saved"]) == (3, True)
    assert list(bundle.unpack(exported["bytes"], inspect)) == [POINTER]
    assert found["hits"] == again["hits"]
    # In segments, of which a search reads parts; in one file the pointer would be all of it.
    assert sorted(name.split("-")[0] for name in kept.files) == [f"things/{POINTER}", "things/segment"]


def test_nothing_is_imported_over_what_is_there(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        exported = (await app.export("things"))["bytes"]
        before = dict(kept.files)
        for each in (app, app_over(kept)):
            with pytest.raises(BadRequest, match="already"):
                await each.import_("things", exported)
        assert kept.files == before

    run(scenario())


def test_an_import_that_cannot_be_opened_leaves_nothing(kept, run, monkeypatch):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        exported = (await app.export("things"))["bytes"]
        monkeypatch.setattr(Counting, "open", lambda self, request: (_ for _ in ()).throw(BadFormat("forged")))
        with pytest.raises(BadFormat, match="forged"):
            await app.import_("again", exported)

    run(scenario())
    assert all(name.startswith("things/") for name in kept.files)


def test_what_others_write_is_only_read(run):
    async def scenario():
        files, held = {}, set()
        first, second = (app_over(Shared(files, held)) for _ in range(2))
        await filled(first)
        told = [await second.open("things", keep=True), await second.add("things", documents=[{"id": "dog", "title": "Dog"}])]
        with pytest.raises(StorageError, match="elsewhere"):
            await second.delete("things")
        found = await second.search("things", "dog")
        await first.add("things", documents=[{"id": "eel", "title": "Eel"}])
        await first.close("things")
        told.append(await second.commit("things"))
        await second.close("things")
        return told, found, await first.open("things", keep=True)

    told, found, opened = run(scenario())
    assert [(each["saved"], each["fault"]["code"], each["fault"]["detail"]["reason"]) for each in told] == [
        (False, "storage", "busy"),
        (False, "storage", "busy"),
        (False, "storage", "changed"),
    ]
    assert found["hits"][0]["id"] == "dog"
    assert (opened["documents"], opened["saved"]) == (4, True)


async def with_a_slow_one(files, held):
    """An app that writes a collection, and a second one with its store, which is told later whether it may write too."""
    first, slow = app_over(Shared(files, held)), Slow(files, held)
    await filled(first)
    return first, slow, app_over(slow)


def test_nobody_waits_for_who_writes_a_collection_to_read_it(run):
    async def scenario():
        files, held = {}, set()
        first, slow, second = await with_a_slow_one(files, held)
        opened, found = await second.open("things", keep=True), await second.search("things", "ship on water")
        adding = asyncio.ensure_future(second.add("things", documents=[{"id": "dog", "title": "Dog"}]))
        slow.may.set()
        return opened, found, await adding, await second.commit("things")

    opened, found, added, told = run(scenario())
    assert (opened["documents"], opened["saved"], opened["claiming"], opened.get("fault")) == (3, True, True, None)
    assert found["hits"][0]["id"] == "boat"
    for each in (added, told):
        assert ("claiming" in each, each["saved"], each["fault"]["detail"]["reason"]) == (False, False, "busy")


def test_what_was_written_after_it_was_read_is_read_by_the_next_who_writes(run):
    async def scenario():
        files, held = {}, set()
        first, slow, second = await with_a_slow_one(files, held)
        await second.open("things", keep=True)
        await first.add("things", documents=[{"id": "eel", "title": "Eel"}])
        await first.close("things")
        adding = asyncio.ensure_future(second.add("things", documents=[{"id": "dog", "title": "Dog"}]))
        slow.may.set()
        return await adding, await app_over(Shared(files, held)).open("things", keep=True)

    added, opened = run(scenario())
    assert (added["added"], added["saved"], opened["documents"]) == (1, True, 5)


@pytest.mark.parametrize("evicted", ["all", "pointer", "segment", "torn"])
def test_what_was_evicted_while_it_was_open_is_written_anew(kept, run, evicted):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        for name in list(kept.files):
            if evicted == "torn":
                kept.files[name] = kept.files[name][:20]
            elif evicted == "all" or name.endswith(POINTER) == (evicted == "pointer"):
                del kept.files[name]
        added = await app.add("things", documents=[{"id": "dog", "title": "Dog"}])
        again = app_over(kept)
        return added, await again.open("things", keep=True), await again.search("things", "dog")

    added, opened, found = run(scenario())
    assert added["saved"] and opened["documents"] == 4
    assert found["hits"][0]["id"] == "dog"


def test_what_was_evicted_while_it_was_closed_is_told_and_can_be_deleted_or_imported_anew(kept, run):
    async def scenario():
        app = app_over(kept)
        await filled(app)
        exported = (await app.export("things"))["bytes"]
        for name in [name for name in kept.files if "segment" in name]:
            del kept.files[name]
        app = app_over(kept)
        (listed,) = (await app.collections())["collections"]
        assert (listed["fault"]["code"], listed["fault"]["detail"]["reason"]) == ("storage", "gone")
        with pytest.raises(StorageError, match="import it") as caught:
            await app.open("things", keep=True)
        assert caught.value.detail["reason"] == "gone"
        await app.delete("things")
        return await app.import_("things", exported)

    assert run(scenario())["documents"] == 3


@pytest.mark.parametrize("name", ["Things", "a/b", "..", "", "-a", "a" * 65, "ä", "con.txt"])
def test_a_name_that_cannot_be_a_folder_everywhere_is_refused(kept, run, name):
    with pytest.raises(BadRequest):
        run(app_over(kept).open(name, keep=True))


def test_where_nothing_is_kept_it_is_said(run):
    app = App(ReferenceEngine.with_hashed_words(), MemoryStore())
    for asked in (app.open("things", keep=True), app.collections(), app.delete("things"), app.import_("things", b"")):
        with pytest.raises(Unsupported, match="kept"):
            run(asked)


def test_of_those_who_share_a_store_the_first_writes_and_the_others_read(run):
    async def scenario():
        files, held = {}, set()
        first, second = (app_over(Shared(files, held)) for _ in range(2))
        await filled(first)
        before = dict(files)
        opened = await second.open("things", keep=True)
        assert (opened["documents"], opened["saved"], opened["fault"]["detail"]) == (3, False, {"reason": "busy"})
        assert ids(await second.search("things", "ship", limit=9)) == ids(await first.search("things", "ship", limit=9))
        removed = await second.remove("things", ["boat"])
        assert removed["fault"]["code"] == "storage"
        with pytest.raises(StorageError, match="open for writing elsewhere"):
            await second.delete("things")
        assert files == before
        # Not before it has read what the other wrote.
        await first.remove("things", ["cat"])
        await first.close("things")
        again = app_over(Shared(files, held))
        assert (await again.open("things", keep=True))["saved"]
        assert (await again.remove("things", ["boat"]))["saved"]
        await again.delete("things")
        return files, held

    assert run(scenario()) == ({}, set())
