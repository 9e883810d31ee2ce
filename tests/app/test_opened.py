"""`import findling`: a collection without `await`, on every Python, the one in a browser too.

Invariant under test: the hits are those of the application, and what was closed answers no more.
"""

import asyncio

import pytest

import findling
from findling.app import App
from findling.errors import BadRequest, Closed, NotFound
from findling.reference import ReferenceEngine
from findling.store import MemoryStore

BOATS = [
    findling.Document("boat", "Boat", "A small boat floats on calm water.", kind="ship", tags=("sea", "wood"), meta={"length": 7}),
    {"id": "tower", "title": "Lighthouse", "text": "The keeper sings in the storm.", "kind": "house", "length": 40},
]


@pytest.fixture
def boats():
    with findling.open(engine=ReferenceEngine.with_hashed_words()) as opened:
        assert opened.add(BOATS)["added"] == 2
        yield opened


def test_the_names_of_the_package_are_there_and_no_others():
    assert dir(findling) == sorted(findling.__all__)
    for name in findling.__all__:
        assert getattr(findling, name)
    with pytest.raises(AttributeError, match="nothing"):
        findling.nothing  # noqa: B018


def test_hits_are_those_of_the_application(boats, run):
    async def expected():
        app = App(ReferenceEngine.with_hashed_words(), MemoryStore())
        await app.open("a")
        await app.add("a", documents=[{**BOATS[1]}, {"id": "boat", "title": "Boat", "text": BOATS[0].text, "kind": "ship", "tags": ["sea", "wood"], "length": 7}])
        return (await app.search("a", "a boat on the water"))["hits"]

    found = boats.search("a boat on the water")
    assert [hit.as_object() for hit in found.hits] == run(expected())
    assert (found.hits[0].document.title, found.total, found.exact) == ("Boat", 2, True)
    assert found.hits[0].document == BOATS[0]


def test_what_is_wished_of_a_search_is_that_of_the_application(boats):
    assert [hit.id for hit in boats.search("keeper", legs="words").hits] == ["tower"]
    assert [hit.id for hit in boats.search(like="boat").hits] == ["tower"]
    assert [[hit.id for hit in found.hits] for found in boats.search_all(["boat", "keeper"], legs="words")] == [["boat"], ["tower"]]
    with pytest.raises(TypeError):
        boats.search("x", lemons=3)
    with pytest.raises(NotFound):
        boats.search(like="nowhere")


def test_a_collection_tells_what_it_holds(boats):
    assert (len(boats), set(boats.fields)) == (2, {"kind", "tags", "length"})
    assert boats.add([{**BOATS[1], "title": "Tower"}])["replaced"] == 1
    assert boats.add([{"title": "no text", "text": 7}, {"text": "wood"}])["skipped"][0]["code"] == "bad_input"
    assert boats.remove(["tower", "nowhere"]) == 1
    assert len(boats) == 2
    assert boats.add([]) == {"added": 0, "replaced": 0, "unchanged": 0, "skipped": [], "documents": 2}


def test_what_was_closed_answers_no_more(boats):
    boats.close()
    boats.close()
    for ask in (lambda: boats.search("boat"), lambda: boats.add([{"text": "x"}]), lambda: boats.remove(["x"]), boats.to_bytes):
        with pytest.raises(Closed):
            ask()


def test_it_works_where_a_loop_is_running_already(run):
    async def inside():
        await asyncio.sleep(0)
        with findling.open(engine=ReferenceEngine.with_hashed_words()) as opened:
            opened.add(BOATS)
            return opened.search("boat", legs="words").hits[0].id

    assert run(inside()) == "boat"


def test_a_collection_from_nowhere_has_to_be_told_where_to(boats):
    with pytest.raises(BadRequest, match="save"):
        boats.save()
