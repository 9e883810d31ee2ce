"""An import that others embed: the same index as without them, whatever they answer and in whatever order.

Owns sessions whose answers come late, out of order, or not at all. Invariant under test: what was asked for is added or
listed, in order, and no session is left open.
"""

import asyncio
import json

import pytest

from findling.app import HERE, App, Ticket
from findling.errors import Closed
from findling.reference import ReferenceEngine
from findling.store import MemoryStore

MANY = [{"id": str(number), "text": f"number{number} " + "a few words " * (20 + number % 7)} for number in range(160)]
MANY[70] = {"id": "7", "text": "the second of one id " * 30}
LONG = [{"id": "long", "text": "an endless story goes on and on " * 1_000}]


class Others:
    """Embeds with an engine of its own, newest first as far as it is asked ahead; `refuse` says which texts get no vectors."""

    def __init__(self, refuse=lambda text: False):
        self.engine = ReferenceEngine.with_hashed_words()
        self.refuse = refuse
        self.waiting = []
        self.asked = self.answered = self.begun = self.ended = self.most = 0

    def begin(self):
        self.begun += 1
        return self

    async def embed(self, texts):
        assert texts
        self.asked += 1
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append((texts, answer))
        self.most = max(self.most, len(self.waiting))
        await asyncio.sleep(0)
        for texts, each in reversed(self.waiting):
            refused = self.ended == self.begun or any(map(self.refuse, texts))
            each.set_result(None if refused else self.engine.embed(json.dumps({"texts": texts, "kind": "passage"}).encode()))
        self.waiting.clear()
        vectors = await answer
        self.answered += vectors is not None
        return vectors

    def end(self):
        self.ended = self.begun


class Counting(ReferenceEngine):
    """Counts what it embeds by itself."""

    own = shared = 0

    def add(self, request):
        self.own += 1
        return super().add(request)

    def add_vectors(self, request, vectors):
        self.shared += 1
        return super().add_vectors(request, vectors)


def app_with(others, engine=ReferenceEngine):
    return App(engine.with_hashed_words(), MemoryStore(), clock=lambda: 0.0, share=others and others.begin)


async def imported(app, *lots, **options):
    """What the adds, a search and the saved file give."""
    await app.open("things")
    added = [await app.add("things", documents=documents, **options) for documents in lots]
    return added, await app.search("things", "number12 a few words", 20), (await app.save("things"))["bytes"]


def test_an_import_that_others_embed_gives_the_same_answers_hits_and_bytes(run):
    others = Others()
    app = app_with(others, Counting)
    shared = run(imported(app, MANY, LONG, MANY[:40]))
    assert shared == run(imported(app_with(None), MANY, LONG, MANY[:40]))
    assert (others.begun, others.ended, others.answered) == (2, 2, others.asked)
    assert others.most > 1, "several slices are out at a time"
    assert app._engine.shared == others.asked
    assert app._engine.own > 0, "the last lot is too small to be shared"


def test_the_saved_file_does_not_depend_on_how_an_import_is_cut(run):
    documents = [{"id": id, "text": text} for id, text in (("a", "one"), ("b", "two"), ("a", "three"))]
    together, apart = (run(imported(app_with(None), *lots)) for lots in ([documents], [[each] for each in documents]))
    assert together[1:] == apart[1:]


def test_a_small_import_asks_nobody(run):
    others = Others()
    run(imported(app_with(others), MANY[:40], [{"id": "x", "text": "word " * 3_000}]))
    assert others.begun == 0


@pytest.mark.parametrize("refuse", [lambda text: "number5" in text, lambda text: True], ids=["some", "all"])
def test_what_others_have_no_vectors_for_is_embedded_by_the_engine(run, refuse):
    others = Others(refuse)
    assert run(imported(app_with(others), MANY)) == run(imported(app_with(None), MANY))
    assert others.answered < others.asked
    assert others.ended == 1


def test_without_anybody_to_share_with_the_engine_embeds(run):
    app = App(ReferenceEngine.with_hashed_words(), MemoryStore(), clock=lambda: 0.0, share=lambda: None)
    assert run(imported(app, MANY)) == run(imported(app_with(None), MANY))


def test_a_search_during_a_shared_import_sees_what_has_been_added(run):
    async def scenario():
        app = app_with(Others())
        await app.open("things")
        importing = asyncio.ensure_future(app.add("things", documents=MANY))
        while not (await app.status())["collections"]["things"]["documents"]:
            await asyncio.sleep(0)
        answer = await app.search("things", "number0")
        return answer["hits"][0]["id"], importing.done(), (await importing)["added"]

    first, done, added = run(scenario())
    assert (first, done, added) == ("0", False, 159)


def test_a_cancelled_shared_import_keeps_what_was_added_and_ends_its_session(run):
    others = Others()
    ticket = Ticket()

    def stop_after_ten(done, total, name):
        ticket.is_cancelled = done >= 10

    ticket.progress = stop_after_ten
    (added,), found, _ = run(imported(app_with(others), MANY, ticket=ticket))
    assert 10 <= added["added"] == added["documents"] < 80
    assert (others.begun, others.ended) == (1, 1)
    assert {each["code"] for each in added["skipped"]} == {"aborted"}
    assert found["hits"]


class Stuck:
    """Embeds the first slice, and for the rest does nothing until it is told to end."""

    def __init__(self):
        self.engine = ReferenceEngine.with_hashed_words()
        self.asked = 0
        self.waiting = []

    async def embed(self, texts):
        self.asked += 1
        if self.asked == 1:
            return self.engine.embed(json.dumps({"texts": texts, "kind": "passage"}).encode())
        self.waiting.append(asyncio.get_running_loop().create_future())
        return await self.waiting[-1]

    def end(self):
        for each in self.waiting:
            each.done() or each.set_result(None)


def test_cancel_does_not_wait_for_vectors(run):
    stuck = Stuck()

    async def scenario():
        app = App(Counting.with_hashed_words(), MemoryStore(), clock=lambda: 0.0, share=lambda: stuck)
        posted = []
        await app.answer({"id": 1, "verb": "open", "args": {"collection": "things"}}, posted.append)
        importing = asyncio.ensure_future(app.answer({"id": 2, "verb": "add", "args": {"collection": "things", "documents": MANY}}, posted.append))
        while not any("progress" in message for message in posted):
            await asyncio.sleep(0)
        await app.answer({"id": 3, "verb": "cancel", "args": {"id": 2}}, posted.append)
        await importing
        return posted[-1]["result"], app._engine.own

    added, own = run(scenario())
    assert 0 < added["added"] == added["documents"] < 20
    assert own == 0, "nothing is embedded for nobody"


def test_closing_a_collection_ends_a_shared_import_and_its_session(run):
    others = Others()

    async def scenario():
        app = app_with(others)
        await app.open("things")
        importing = asyncio.ensure_future(app.add("things", documents=MANY))
        while not others.asked:
            await asyncio.sleep(0)
        await app.close("things")
        await importing

    with pytest.raises(Closed):
        run(scenario())
    assert (others.begun, others.ended) == (1, 1)


def test_status_tells_who_embeds(run):
    pool = {"size": 4, "workers": 0, "reason": None}
    app = App(ReferenceEngine.with_hashed_words(), MemoryStore(), host=lambda: {**HERE, "pool": pool})
    assert run(app.status())["pool"] == pool
    assert run(app_with(None).status())["pool"] is None
