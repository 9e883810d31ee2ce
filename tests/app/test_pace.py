"""An import is cut into slices that take about as long on a fast engine as on a slow one.

Owns an engine and a clock that agree on how long a word takes. Invariant under test: others get their turn after about
`SLICE_S`, however slow the engine, and every document is added.
"""

import json

import pytest

from findling.app import App
from findling.reference import ReferenceEngine
from findling.slices import SLICE_S
from findling.store import MemoryStore

DOCUMENTS = [{"id": str(number), "text": "a few words more " * 4} for number in range(600)]


class Timed(ReferenceEngine):
    """Takes so many seconds for a document, by its own clock."""

    now = 0.0

    def add(self, request):
        count = len(json.loads(request)["documents"])
        self.slices.append(count)
        self.now += count * self.document_s
        return super().add(request)


@pytest.fixture
def slices(run):
    def imported(document_s):
        engine = Timed.with_hashed_words()
        engine.slices, engine.document_s = [], document_s
        app = App(engine, MemoryStore(), clock=lambda: engine.now)

        async def scenario():
            await app.open("things")
            return await app.add("things", documents=DOCUMENTS)

        added = run(scenario())
        assert added["added"] == sum(engine.slices) == len(DOCUMENTS)
        return engine.slices

    return imported


def test_a_slow_engine_gets_small_slices(slices):
    given = slices(SLICE_S / 3)
    assert given[0] > 10
    assert max(given[6:]) <= 4


def test_a_fast_engine_gets_large_slices(slices):
    given = slices(SLICE_S / 100)
    assert given[0] < 50
    assert 80 <= given[5] <= 120


def test_documents_longer_than_a_turn_come_one_by_one(slices):
    assert slices(SLICE_S * 10)[-1] == 1


def test_a_clock_that_stands_still_changes_nothing(slices):
    given = slices(0.0)
    assert len(set(given[:-1])) == 1
