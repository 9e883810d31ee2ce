"""The verbs of the application, on the reference engine and a store in memory.

Invariant under test: each verb does what its docstring promises, and bad input costs nothing but itself.
"""

import asyncio
import json

import pytest

from findling.app import App, Ticket
from findling.errors import BadFormat, BadRequest, Closed, FindlingError, NotFound, StorageError
from findling.reference import ReferenceEngine
from findling.store import MemoryStore

FRUIT = [
    {"id": "apple", "title": "Apple", "text": "a round fruit that grows on a tree", "url": "https://example.org/apple", "colour": "red"},
    {"id": "boat", "title": "Boat", "text": "a small ship that floats on water"},
    {"id": "cat", "title": "Cat", "text": "an animal that purrs", "kind": "animal"},
]


def file(name, text):
    return {"name": name, "bytes": text.encode() if isinstance(text, str) else text}


async def filled(app):
    await app.open("things")
    return await app.add("things", documents=FRUIT)


def test_open_gives_an_empty_collection(app, run):
    assert run(app.open("things")) == {"collection": "things", "documents": 0, "passages": 0, "meta": {}, "values": []}


def test_opening_an_open_collection_tells_its_state(app, run):
    async def scenario():
        await filled(app)
        return await app.open("things")

    assert run(scenario())["documents"] == 3


def test_opening_an_open_collection_from_another_file_is_refused(app, run):
    async def scenario():
        await app.open("things")
        await app.open("things", "other.findling")

    with pytest.raises(BadRequest):
        run(scenario())


def test_a_collection_that_failed_to_open_is_not_open(app, store, run):
    store.files["broken"] = b"nothing of ours"

    async def scenario():
        with pytest.raises(BadFormat):
            await app.open("things", "broken")
        with pytest.raises(NotFound):
            await app.search("things", "anything")
        return await app.open("things")

    assert run(scenario())["documents"] == 0


def test_add_counts_what_is_new_and_what_is_replaced(app, run):
    async def scenario():
        first = await filled(app)
        second = await app.add("things", documents=[FRUIT[0] | {"text": "a fruit"}, FRUIT[1], {"id": "dog", "title": "Dog"}])
        return first, second

    first, second = run(scenario())
    assert first == {"added": 3, "replaced": 0, "unchanged": 0, "skipped": [], "documents": 3, "passages": 3}
    assert second == {"added": 1, "replaced": 1, "unchanged": 1, "skipped": [], "documents": 4, "passages": 4}


def test_the_last_of_two_documents_with_one_id_stays(app, run):
    async def scenario():
        await app.open("things")
        await app.add("things", documents=[{"id": "x", "title": "first"}, {"id": "x", "title": "second"}])
        return await app.search("things", "first second")

    assert [hit["document"]["title"] for hit in run(scenario())["hits"]] == ["second"]


def test_search_puts_the_document_that_shares_words_first(app, run):
    async def scenario():
        await filled(app)
        return await app.search("things", "  which ship\nfloats on water ", limit=2)

    answer = run(scenario())
    assert answer["query"] == "which ship floats on water"
    assert [hit["id"] for hit in answer["hits"]][0] == "boat"
    assert len(answer["hits"]) == 2
    assert answer["took_ms"] == 0.0


def test_more_like_a_document_are_those_near_it_without_itself(app, run):
    async def scenario():
        await filled(app)
        await app.add("things", documents=[{"id": "ship", "title": "Ship", "text": "a boat that floats on water", "kind": "animal"}])
        whole = await app.search("things", "", like="boat")
        some = await app.search("things", "kind:animal", like="boat")
        with pytest.raises(BadRequest):
            await app.search("things", "water", like="boat")
        with pytest.raises(NotFound):
            await app.search("things", "", like="nowhere")
        return whole["hits"], some["hits"]

    whole, some = run(scenario())
    assert [hit["id"] for hit in whole][0] == "ship"
    assert {hit["id"] for hit in whole} == {"ship", "apple", "cat"}
    assert [hit["id"] for hit in some] == ["ship", "cat"]
    assert set(whole[0]["legs"]) == {"meaning"}
    assert not any(piece["hit"] for hit in whole for piece in hit["title_pieces"] + hit["snippet"])


def test_a_hit_is_shown_in_pieces_with_what_was_searched_for(app, run):
    async def scenario():
        await filled(app)
        await app.add("things", documents=[{"id": "bare", "text": "a boat without a title"}])
        return [(await app.search("things", "boat water", limit=2, legs=legs))["hits"] for legs in ("both", "meaning")]

    for hits in run(scenario()):
        shown = {hit["id"]: (hit["title_pieces"], hit["snippet"]) for hit in hits}
        plain = [{"text": "a small ship that floats on ", "hit": False}, {"text": "water", "hit": True}]
        assert shown["boat"] == ([{"text": "Boat", "hit": True}], plain)
        assert shown["bare"][0] == []


def test_a_hit_tells_the_passage_that_its_snippet_is_of(app, run):
    class Elsewhere(ReferenceEngine):
        def snippets(self, request):
            items = json.loads(super().snippets(request))["items"]
            return json.dumps({"items": [{**item, "passage": 1} for item in items]}).encode()

    async def scenario():
        other = App(Elsewhere.with_hashed_words(), MemoryStore())
        await other.open("things")
        await other.add("things", documents=[{"id": "long", "text": "one two three four. " * 60}])
        return (await other.search("things", "one"))["hits"][0]

    hit = run(scenario())
    assert hit["passage"]["index"] == 1
    assert hit["document"]["text"].index(hit["passage"]["text"]) >= 0
    assert len(hit["passage"]["text"]) < len(hit["document"]["text"])


def test_a_hit_carries_the_whole_document_and_its_passage(app, run):
    async def scenario():
        await filled(app)
        return await app.search("things", "round fruit", limit=1)

    hit = run(scenario())["hits"][0]
    assert hit["document"] == {
        "id": "apple",
        "title": "Apple",
        "text": "a round fruit that grows on a tree",
        "kind": "",
        "url": "https://example.org/apple",
        "tags": [],
        "date": "",
        "meta": {"colour": "red"},
    }
    assert hit["passage"] == {"index": 0, "text": "a round fruit that grows on a tree", "place": {}}
    assert 0 < hit["score"] <= 1


def test_a_long_document_is_found_by_a_passage_in_its_middle_and_shows_that_passage(app, run):
    filler = " ".join(f"filler{number}" for number in range(200))
    text = f"{filler} an old lighthouse keeper sings at night {filler}"

    async def scenario():
        await app.open("things")
        added = await app.add("things", documents=[{"id": "long", "text": text}, *FRUIT])
        return added, await app.search("things", "old lighthouse keeper sings at night", limit=1)

    added, answer = run(scenario())
    assert added["passages"] > added["documents"]
    hit = answer["hits"][0]
    assert hit["id"] == "long"
    assert hit["passage"]["index"] > 0
    assert "lighthouse keeper sings" in hit["passage"]["text"]
    assert hit["passage"]["text"] in text


def test_a_search_can_be_filtered_counted_and_sorted(app, run):
    documents = [{"id": str(number), "text": "a small boat", "kind": "odd" if number % 2 else "even", "size": number} for number in range(9)]

    async def scenario():
        await app.open("things")
        await app.add("things", documents=documents)
        typed = await app.search("things", "boat kind:Odd size:>=3")
        given = await app.search("things", "", filter={"field": "kind", "any": ["even"]}, facets=[{"field": "kind"}], sort=[{"field": "size", "order": "desc"}], limit=2, offset=1)
        return typed, given

    typed, given = run(scenario())
    assert ([hit["id"] for hit in typed["hits"]], typed["total"], typed["exact"]) == (["3", "5", "7"], 3, True)
    assert ([hit["id"] for hit in given["hits"]], given["total"]) == (["6", "4"], 5)
    assert given["facets"][0]["field"] == "kind"


@pytest.mark.parametrize("query", ["", "  \n\t "])
def test_a_query_without_words_finds_nothing(app, run, query):
    async def scenario():
        await filled(app)
        return await app.search("things", query)

    assert run(scenario())["hits"] == []


def test_a_removed_document_is_found_no_more(app, run):
    async def scenario():
        await filled(app)
        removed = await app.remove("things", ["boat", "never there"])
        return removed, await app.search("things", "ship floats on water")

    removed, answer = run(scenario())
    assert removed == {"removed": 1}
    assert "boat" not in [hit["id"] for hit in answer["hits"]]


def test_a_saved_collection_opens_elsewhere_with_the_same_answers(app, store, run):
    async def scenario():
        await filled(app)
        saved = await app.save("things")
        await store.write("kept", saved["bytes"])
        other = App(ReferenceEngine.with_hashed_words(), store, clock=lambda: 0.0)
        state = await other.open("copy", "kept")
        return saved["name"], state, await app.search("things", "a tree"), await other.search("copy", "a tree")

    name, state, before, after = run(scenario())
    assert name == "things.findling"
    assert (state["documents"], state["passages"]) == (3, 3)
    assert before == after


def test_status_tells_engine_model_and_open_collections(app, run):
    async def scenario():
        await filled(app)
        return await app.status()

    status = run(scenario())
    assert status["backend"] == "reference"
    assert status["model"]["name"] == "hashed-words"
    assert status["model"]["source"] == "memory"
    assert status["collections"]["things"]["documents"] == 3
    held = status["collections"]["things"]["size_bytes"]
    assert held["vectors"] > 0 and held["text"] > 0
    assert {part: status["size_bytes"][part] for part in held} == held
    assert status["memory_bytes"] is None


@pytest.mark.parametrize("verb", ["add", "remove", "search", "save", "close"])
def test_a_collection_that_is_not_open_is_not_found(app, run, verb):
    arguments = {"remove": [["x"]], "search": ["x"]}.get(verb, [])
    with pytest.raises(NotFound, match="open it first"):
        run(getattr(app, verb)("nowhere", *arguments))


def test_a_closed_collection_is_forgotten(app, run):
    async def scenario():
        await filled(app)
        await app.close("things")
        return await app.open("things")

    assert run(scenario())["documents"] == 0


def test_files_are_read_by_their_suffix_and_one_that_cannot_be_read_costs_no_other(app, run):
    files = [
        file("notes.txt", "The lighthouse keeper sings."),
        file("picture.raw", b"\x89PNG"),
        file("zeros.txt", b"a\x00b"),
        file("rows.csv", "name,description\nAnchor,holds a ship in place\n"),
        file("broken.json", "{"),
        file("lines.jsonl", '{"title": "Harbour"}\nnot json\n{"title": "Quay"}\n'),
    ]

    async def scenario():
        await app.open("things")
        return await app.add("things", files=files), await app.search("things", "holds a ship in place", 1)

    added, answer = run(scenario())
    assert added["added"] == 4
    assert [(each["name"], each["code"]) for each in added["skipped"]] == [
        ("picture.raw", "unsupported"),
        ("zeros.txt", "bad_input"),
        ("broken.json", "bad_input"),
        ("lines.jsonl", "bad_input"),
    ]
    assert "line 2" in added["skipped"][3]["reason"]
    assert answer["hits"][0]["document"]["title"] == "Anchor"


def test_documents_that_cannot_be_used_are_listed_and_the_others_added(app, run):
    documents = [{"id": "empty"}, {"id": "number", "text": 5}, {"id": "fine", "text": "fine"}, {"text": "no id", "score": float("nan")}]

    async def scenario():
        await app.open("things")
        return await app.add("things", documents=documents)

    added = run(scenario())
    assert added["added"] == 1
    assert [each["name"] for each in added["skipped"]] == ["empty", "number", "document-4"]
    assert {each["code"] for each in added["skipped"]} == {"bad_input"}


class Refusing(ReferenceEngine):
    """Refuses documents that hold a word, as an engine refuses a text that gives no vector."""

    def add(self, request):
        if b"cursed" in request:
            raise FindlingErrorOfInput("cursed")
        return super().add(request)


class FindlingErrorOfInput(FindlingError):
    code = "bad_input"


def test_a_document_that_the_engine_refuses_costs_no_other_document_of_its_slice(run):
    app = App(Refusing.with_hashed_words(), MemoryStore())

    async def scenario():
        await app.open("things")
        return await app.add("things", documents=[{"id": "a", "text": "one"}, {"id": "b", "text": "cursed"}, {"id": "c", "text": "two"}])

    added = run(scenario())
    assert (added["added"], added["documents"]) == (2, 2)
    assert added["skipped"] == [{"name": "b", "code": "bad_input", "reason": "cursed"}]


def test_an_import_reports_progress_up_to_the_last_document(app, run):
    seen = []
    documents = [{"id": str(number), "text": "word " * 70} for number in range(40)]

    async def scenario():
        await app.open("things")
        await app.add("things", documents=documents, ticket=Ticket(lambda done, total, name: seen.append((done, total, name))))

    run(scenario())
    assert len(seen) > 4
    assert seen == sorted(seen, key=lambda each: each[0])
    assert seen[-1] == (40, 40, "39")


def test_a_cancelled_import_keeps_what_was_added_and_lists_the_rest(app, run):
    ticket = Ticket()

    def stop_after_ten(done, total, name):
        ticket.is_cancelled = done >= 10

    ticket.progress = stop_after_ten
    rows = "title,text\n" + "".join(f"row {number},{'word ' * 70}\n" for number in range(40))

    async def scenario():
        await app.open("things")
        return await app.add("things", files=[file("rows.csv", rows), file("late.txt", "late")], ticket=ticket)

    added = run(scenario())
    assert 10 <= added["added"] < 40
    assert added["documents"] == added["added"]
    assert [(each["name"], each["code"]) for each in added["skipped"]] == [("rows.csv", "aborted"), ("late.txt", "aborted")]
    assert f"{40 - added['added']} of its 40" in added["skipped"][0]["reason"]


def test_a_search_during_an_import_sees_what_has_been_added(app, run):
    documents = [{"id": str(number), "text": f"number{number} " + "word " * 70} for number in range(40)]

    async def scenario():
        await app.open("things")
        importing = asyncio.ensure_future(app.add("things", documents=documents))
        for _ in range(4):
            await asyncio.sleep(0)
        answer = await app.search("things", "number0")
        still_running = not importing.done()
        return answer, still_running, await importing

    answer, still_running, added = run(scenario())
    assert still_running
    assert answer["hits"][0]["id"] == "0"
    assert added["added"] == 40


def test_closing_a_collection_ends_an_import_with_closed(app, run):
    documents = [{"id": str(number), "text": "word " * 70} for number in range(40)]

    async def scenario():
        await app.open("things")
        importing = asyncio.ensure_future(app.add("things", documents=documents))
        for _ in range(3):
            await asyncio.sleep(0)
        await app.close("things")
        await importing

    with pytest.raises(Closed):
        run(scenario())


class Ranged(ReferenceEngine):
    """Wants the stored index in two ranges, as an engine does that fetches codes when they are searched."""

    def open(self, request):
        plan = json.loads(request)
        parts = self._provided.get(plan.get("file", ""), {})
        half = plan.get("length", 0) // 2
        needs = [{"file": plan["file"], "offset": offset, "length": length} for offset, length in ((0, half), (half, plan["length"] - half))]
        if 0 in parts and half in parts:
            super().provide(plan["file"], 0, parts[0] + parts[half])
            return super().open(request)
        return json.dumps({"need": [need for need in needs if need["offset"] not in parts]}).encode()


def test_the_ranges_an_engine_lacks_are_read_from_the_store_and_given_to_it(app, store, run):
    async def scenario():
        await filled(app)
        store.files["kept"] = (await app.save("things"))["bytes"]
        return await App(Ranged.with_hashed_words(), store).open("copy", "kept")

    assert run(scenario())["documents"] == 3


class Forgetful(ReferenceEngine):
    """Asks for the same bytes again and again."""

    provided = 0

    def provide(self, file, offset, data):
        self.provided += 1


def test_an_engine_that_asks_for_the_same_bytes_again_is_not_asked_for_ever(store, run):
    store.files["kept"] = b"something"
    engine = Forgetful.with_hashed_words()
    with pytest.raises(StorageError, match="kept"):
        run(App(engine, store).open("copy", "kept"))
    assert engine.provided == 1


def test_a_missing_file_is_not_found(app, run):
    with pytest.raises(NotFound, match="gone"):
        run(app.open("things", "gone"))
