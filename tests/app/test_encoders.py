"""An application whose engine gets its model and piece table only later: who waits for which, and who waits for nothing.

Owns an engine that refuses texts until it is given an encoder. Must not know where encoders come from. Invariant under test: a request
waits only for what it needs, and where that does not come its error is told.
"""

import asyncio
import json

import pytest

from findling.app import App
from findling.errors import NetworkError, NotReady
from findling.reference import ReferenceEngine
from findling.store import MemoryStore

BOAT = {"id": "boat", "title": "Boat", "text": "a small ship that floats on water"}


class Late(ReferenceEngine):
    """Takes texts once it has an encoder."""

    has = False

    def search(self, request):
        if "text" in json.loads(request) and not self.has:
            raise NotReady("there is no model yet")
        return super().search(request)


class Encoders:
    """What the engine waits for, and what was waited for."""

    def __init__(self, engine, fault=None):
        self.engine = engine
        self.fault = fault
        self.asked = []

    async def __call__(self, name):
        self.asked.append(name)
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        self.engine.has = True


def late(fault=None):
    engine = Late.with_hashed_words()
    encoders = Encoders(engine, fault)
    return App(engine, MemoryStore(), clock=lambda: 0.0, encoder=encoders), encoders


@pytest.mark.parametrize("encoder", ["auto", "static", "model"])
def test_a_search_waits_for_the_encoder_it_asks_for_and_is_made_again(run, encoder):
    app, encoders = late()

    async def scenario():
        await app.open("things")
        return await app.search("things", "ship", encoder=encoder)

    assert run(scenario())["hits"] == []
    assert encoders.asked == [encoder]


def test_a_search_without_text_waits_for_nothing(run):
    app, encoders = late(NetworkError("gone"))

    async def scenario():
        await app.open("things")
        return await app.search("things", "ship", legs="words")

    assert run(scenario())["hits"] == []
    assert encoders.asked == []


def test_documents_wait_for_the_model_and_nothing_is_added_without_it(run):
    app, encoders = late()
    broken, _ = late(NetworkError("the model did not come"))

    async def scenario():
        await app.open("things")
        await broken.open("things")
        added = await app.add("things", documents=[BOAT])
        nothing = await broken.add("things", documents=[{}])
        with pytest.raises(NetworkError, match="did not come"):
            await broken.add("things", documents=[BOAT])
        return added["added"], nothing["added"], (await broken.open("things"))["documents"]

    assert run(scenario()) == (1, 0, 0)
    assert encoders.asked == ["model"]


def test_a_collection_read_in_pieces_wishes_for_the_table_and_is_open_without_it(run):
    class Pieces(Late):
        def status(self):
            return json.dumps({**json.loads(super().status()), "indexes": {}}).encode()

    engine = Pieces.with_hashed_words()
    encoders = Encoders(engine, NetworkError("no table"))
    app = App(engine, MemoryStore(), encoder=encoders)

    async def scenario():
        opened = await app.open("remote")
        await asyncio.sleep(0)
        return opened

    opened = run(scenario())
    assert opened["lazy"] is True
    assert opened["values"] == []
    assert encoders.asked == ["static"]
