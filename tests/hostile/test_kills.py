"""Collections that are kept, over the native engine: random lives against a dictionary, kills, and what they leave on the disk.

Invariant under test: what a collection holds, before and after it is opened again, is what a dictionary holds; a killed process
leaves the old state or the new one; and after any churn the files take little more than those of the same documents added at once.
"""

import asyncio
import random
import sys
from pathlib import Path

import pytest

from findling.store import FolderStore, MemoryStore

sys.path.insert(0, str(Path(__file__).parent))
import kept_life as life  # noqa: E402

KILLS = 20


def size(store):
    return sum(map(len, store.files.values()))


def disk_use(store, model):
    """How much the files take, as a ratio to those of the same documents added at once under the same title."""

    async def scenario():
        app = life.app_over(store, model)
        title, documents = await life.contents(app)
        fresh = MemoryStore()
        other = life.app_over(fresh, model)
        await other.open(life.NAME, keep=True)
        await other.add(life.NAME, documents=[{"id": id, **each} for id, each in documents.items()])
        await other.rename(life.NAME, title)
        return size(store) / size(fresh)

    return asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_a_collection_holds_what_a_dictionary_holds(model, seed):
    store, chance = MemoryStore(), random.Random(seed)
    happens = life.operations(seed, 25)
    known = life.states(happens)

    async def scenario():
        app = life.app_over(store, model)
        await app.open(life.NAME, keep=True)
        for (verb, what), state in zip(happens, known[1:], strict=True):
            assert (await life.do(app, verb, what))["saved"]
            if verb == "delete":
                assert store.files == {}
                continue
            assert await life.contents(app) == state
            if chance.random() < 0.4:
                app = life.app_over(store, model)
                assert await life.contents(app) == state
            if state[1] and chance.random() < 0.3:
                id = chance.choice(sorted(state[1]))
                found = await app.search(life.NAME, f'"{state[1][id]["title"]}"', 50)
                assert id in [hit["id"] for hit in found["hits"]]
            if chance.random() < 0.2:
                bundle = (await app.export(life.NAME))["bytes"]
                carried = life.app_over(MemoryStore(), model)
                await carried.import_(life.NAME, bundle)
                assert await life.contents(carried) == state

    asyncio.run(scenario())
    assert disk_use(store, model) <= 1.3


def test_churn_of_large_segments_leaves_little_behind(model):
    """So many documents that not all of them are merged with every change."""
    store, chance = MemoryStore(), random.Random(5)

    async def scenario():
        app = life.app_over(store, model)
        await app.open(life.NAME, keep=True)
        segments = 0
        for start in range(0, 1200, 150):
            await app.add(life.NAME, documents=[life.document(chance, f"d{number}") for number in range(start, start + 150)])
            await app.add(life.NAME, documents=[life.document(chance, f"d{chance.randrange(start + 150)}") for _ in range(40)])
            await app.remove(life.NAME, [f"d{chance.randrange(start + 150)}" for _ in range(40)])
            segments = max(segments, len(store.files) - 1)
        return segments

    assert asyncio.run(scenario()) > 1
    assert disk_use(store, model) <= 1.3


@pytest.fixture(scope="module")
def model_file(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("model") / "tiny.findling"
    path.write_bytes(model)
    return path


@pytest.fixture(scope="module")
def steps(tmp_path_factory, model_file):
    """How many steps a life takes that nobody ends."""
    folder = tmp_path_factory.mktemp("whole")
    saved, count = life.kill(folder, model_file, 1, 0)
    assert saved == len(life.operations(1, life.LENGTH))
    assert asyncio.run(life.contents(life.app_over(FolderStore(folder), model_file.read_bytes()))) == life.states(life.operations(1, life.LENGTH))[-1]
    return count


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_any_step_leaves_old_or_new(tmp_path, model_file, steps, number):
    step = 1 + number * (steps - 1) // (KILLS - 1)
    saved, ended = life.kill(tmp_path, model_file, 1, step)
    assert ended == 0, "it was killed"
    life.check(tmp_path, model_file, 1, saved)
