"""Bundles that were damaged or forged, over the native engine.

Owns the ways to damage one. Invariant under test: a bundle gives a coded error, and then nothing of it is kept, or exactly the
documents that were exported.
"""

import asyncio
import io
import random
import zipfile

import pytest

from findling.app import App
from findling.engine import load
from findling.errors import Bug, FindlingError
from findling.store import MemoryStore

DOCUMENTS = [{"id": str(number), "title": f"note {number}", "text": "a boat on calm water " * (number % 5)} for number in range(30)]


@pytest.fixture(scope="module")
def exported(model):
    async def scenario():
        engine = load()
        engine.load_model(model)
        app = App(engine, MemoryStore(), keep=MemoryStore())
        await app.open("things", keep=True)
        await app.add("things", documents=DOCUMENTS[:20])
        await app.remove("things", ["3", "4"])
        await app.add("things", documents=DOCUMENTS[10:])
        return (await app.export("things"))["bytes"]

    return asyncio.run(scenario())


def outcome(bundle):
    """The number of documents that an import gave, or the code of its error."""
    kept = MemoryStore()
    app = App(load(), MemoryStore(), keep=kept)
    try:
        return asyncio.run(app.import_("things", bundle))["documents"]
    except FindlingError as error:
        assert not isinstance(error, Bug)
        assert kept.files == {}
        return error.code


def test_a_bundle_that_was_cut_short_is_refused(exported):
    assert outcome(exported) == 28
    lengths = [*range(0, len(exported), len(exported) // 60), *range(len(exported) - 40, len(exported))]
    assert {outcome(exported[:length]) for length in lengths} == {"bad_format"}


def test_a_changed_byte_is_found_or_changes_nothing(exported):
    chance = random.Random(1)
    # The header of the ZIP's first file and its directory as well as its files.
    places = [*range(60), *range(len(exported) - 260, len(exported)), *(chance.randrange(len(exported)) for _ in range(150))]
    outcomes = []
    for place in places:
        changed = bytearray(exported)
        changed[place] ^= 1 << chance.randrange(8)
        outcomes.append(outcome(bytes(changed)))
    assert set(outcomes) <= {28, "bad_format", "wrong_version", "wrong_digest", "bad_request"}
    assert outcomes.count("bad_format") > len(outcomes) / 3


def test_files_of_two_collections_make_none(exported):
    """Each file is whole, but they do not belong together."""
    with zipfile.ZipFile(io.BytesIO(exported)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    pointer, *segments = files

    def zipped(entries):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return packed.getvalue()

    assert outcome(zipped(files)) == 28
    assert outcome(zipped(files | {segments[0]: files[pointer]})) == "bad_format"
    assert outcome(zipped({pointer: files[pointer]})) == "bad_format"
    assert outcome(zipped({pointer: files[segments[0]]})) in (28, 20, 30), "a segment alone is an index"
