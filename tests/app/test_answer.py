"""Messages in, messages out, on the reference engine.

Invariant under test: every message gets exactly one answer, cancelled requests included.
"""

import asyncio

import pytest

from findling import wire


async def ask(app, *messages):
    """Send messages one right after the other, as a page does, and wait for all answers."""
    posted = []
    await asyncio.gather(*(app.answer(message, posted.append) for message in messages))
    return posted


def request(number, verb, **args):
    return {"id": number, "verb": verb, "args": args}


def answers(posted):
    return {message["id"]: message for message in posted if "progress" not in message}


def test_searches_that_wait_do_not_replace_each_other(app, run):
    async def scenario():
        await ask(app, request(1, "open", collection="a"), request(2, "open", collection="b"))
        return await ask(
            app,
            request(3, "search", collection="a", query="f"),
            request(4, "search", collection="a", query="fe"),
            request(5, "search", collection="b", query="other"),
            request(6, "search", collection="a", query="fev"),
        )

    answered = answers(run(scenario()))
    queries = {id: answered[id]["result"]["query"] for id in (3, 4, 5, 6)}
    assert queries == {3: "f", 4: "fe", 5: "other", 6: "fev"}


def test_requests_sent_right_behind_an_open_wait_for_it(app, store, run):
    class Slow(type(store)):
        async def read(self, file, offset, length):
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().read(file, offset, length)

    async def scenario():
        await ask(app, request(1, "open", collection="a"), request(2, "add", collection="a", documents=[{"id": "x", "text": "boat"}]))
        saved = (await ask(app, request(3, "save", collection="a")))[0]["result"]["bytes"]
        other = type(app)(app._engine, Slow({"kept": saved}))
        return await ask(
            other,
            request(4, "open", collection="b", src="kept"),
            request(5, "open", collection="b"),
            request(6, "search", collection="b", query="boat"),
            request(7, "open", collection="c", src="gone"),
            request(8, "search", collection="c", query="boat"),
        )

    answered = answers(run(scenario()))
    assert answered[4]["result"] == answered[5]["result"]
    assert [hit["id"] for hit in answered[6]["result"]["hits"]] == ["x"]
    assert [answered[id]["error"]["code"] for id in (7, 8)] == ["not_found", "not_found"]


def test_cancel_ends_a_running_import_and_the_import_still_answers(app, run):
    documents = [{"id": str(number), "text": "word " * 70} for number in range(40)]

    async def scenario():
        await ask(app, request(1, "open", collection="a"))
        posted = []
        importing = asyncio.ensure_future(app.answer(request(2, "add", collection="a", documents=documents), posted.append))
        while not posted:
            await asyncio.sleep(0)
        await app.answer(request(3, "cancel", id=2), posted.append)
        await importing
        return posted

    posted = run(scenario())
    answered = answers(posted)
    assert answered[3]["result"] == {"cancelled": True}
    assert 0 < answered[2]["result"]["added"] < 40
    assert posted[-1] is answered[2], "the answer is the last message of a request"


def test_a_search_that_waits_can_be_cancelled(app, run):
    async def scenario():
        await ask(app, request(1, "open", collection="a"))
        return await ask(app, request(2, "search", collection="a", query="x"), request(3, "cancel", id=2))

    assert answers(run(scenario()))[2]["error"]["code"] == "aborted"


def test_cancel_of_a_request_that_is_over_says_so(app, run):
    assert run(ask(app, request(3, "cancel", id=2))) == [{"id": 3, "result": {"cancelled": False}}]


def test_an_id_that_is_in_use_is_refused_and_the_first_request_goes_on(app, run):
    async def scenario():
        await ask(app, request(1, "open", collection="a"))
        return await ask(app, request(2, "search", collection="a", query="x"), request(2, "status"))

    posted = run(scenario())
    assert sorted("result" if "result" in message else message["error"]["code"] for message in posted) == ["bad_request", "result"]


def test_an_id_is_free_again_once_its_request_is_answered(app, run):
    async def scenario():
        return await ask(app, request(1, "status")) + await ask(app, request(1, "status"))

    assert all("result" in message for message in run(scenario()))


def test_lone_surrogates_in_a_request_become_replacement_characters(app, run):
    async def scenario():
        await ask(app, request(1, "open", collection="a\ud800"))
        return await ask(app, request(2, "search", collection="a\ud800", query="\udc00 boat"), request(3, "status"))

    answered = answers(run(scenario()))
    assert answered[2]["result"]["query"] == "\ufffd boat"
    assert list(answered[3]["result"]["collections"]) == ["a\ufffd"]


def test_an_unexpected_exception_is_answered_as_bug_with_its_type(app, run):
    async def broken():
        raise ZeroDivisionError("a fault")

    app.status = broken
    (message,) = run(ask(app, request(1, "status")))
    assert message["error"]["code"] == "bug"
    assert message["error"]["detail"] == {"type": "ZeroDivisionError"}


@pytest.mark.parametrize(
    "message",
    [
        None,
        "open",
        [],
        {},
        {"id": 1},
        {"id": 1, "verb": None},
        {"id": "1", "verb": "status", "args": {}},
        {"id": True, "verb": "status", "args": {}},
        {"id": 1, "verb": "__init__", "args": {}},
        {"id": 1, "verb": "answer", "args": {}},
        {"id": 1, "verb": "status", "args": {"self": 1}},
        {"id": 1, "verb": "status", "args": []},
        {"id": 1, "verb": "status", "args": {}, "extra": 1},
        {"id": 1, "verb": "open", "args": {"collection": ""}},
        {"id": 1, "verb": "open", "args": {"collection": 7}},
        {"id": 1, "verb": "open", "args": {"collection": "x" * 201}},
        {"id": 1, "verb": "search", "args": {"collection": "x"}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "limit": 0}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "limit": 1.5}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "limit": True}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y" * 10_001}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "ticket": {}}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "offset": -1}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "explain": 1}},
        {"id": 1, "verb": "search", "args": {"collection": "x", "query": "y", "filter": []}},
        {"id": 1, "verb": "add", "args": {"collection": "x"}},
        {"id": 1, "verb": "add", "args": {"collection": "x", "files": [], "documents": []}},
        {"id": 1, "verb": "add", "args": {"collection": "x", "files": [{"name": "a.txt", "bytes": "text"}]}},
        {"id": 1, "verb": "add", "args": {"collection": "x", "files": [None]}},
        {"id": 1, "verb": "add", "args": {"collection": "x", "documents": ["text"]}},
        {"id": 1, "verb": "remove", "args": {"collection": "x", "ids": "abc"}},
        {"id": 1, "verb": "remove", "args": {"collection": "x", "ids": [3]}},
        {"id": 1, "verb": "cancel", "args": {}},
    ],
    ids=repr,
)
def test_a_malformed_message_is_answered_with_bad_request(app, run, message):
    (answered,) = run(ask(app, message))
    assert answered["error"]["code"] == "bad_request"
    assert answered["error"]["message"]
    assert answered["id"] == wire.request_id(message)
