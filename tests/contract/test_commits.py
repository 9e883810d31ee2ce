"""Commits on every backend: what is written, what is read again, and what is refused.

Invariant under test: backends built from the Rust core write the same bytes, and a collection that was written in several
commits answers as the index that wrote it.
"""

import json

import pytest

import cases
from conftest import RUST
from findling.engine import encode
from findling.errors import BadRequest

POINTER = "kept/collection.findling"
PLANS = [
    {"text": "an old boat", "limit": 9},
    {"words": {"text": "harbour boat anchor"}, "limit": 9, "explain": True},
    {"text": "light", "words": {"text": "light"}, "limit": 9},
]
NEW = {**cases.document("new", "a light", "b"), "fields": {"title": "A light", "text": "harbours"}, "values": {"kind": ["new"]}}
RUST_ONLY = pytest.mark.parametrize("backend", RUST, indirect=True, scope="session")


def ask(engine, method, request):
    return json.loads(getattr(engine, method)(encode(request)))


def commit(engine, disk, **request):
    """Commits the index "kept" and writes what comes; answers the digest of the pointer, and all bytes."""
    written = bytes(engine.commit(encode({"index": "kept", **request})))
    end = 4 + int.from_bytes(written[:4], "big")
    pointer, segment = written[4:end], written[end:]
    length = int.from_bytes(pointer[12:16], "little")
    named = [f"kept/{each['file']}" for each in json.loads(pointer[32 : 32 + length])["meta"]["segments"]]
    if segment:
        disk[named[-1]] = segment
    for name in [name for name in disk if name not in named]:
        del disk[name]
    disk[POINTER] = pointer
    return pointer[16:32].hex(), written


def opened(engine, disk, **request):
    """Opens the pointer on a disk as the index "again"."""
    request = {"index": "again", "file": POINTER, "length": len(disk[POINTER]), **request}
    for _ in range(8):
        reply = ask(engine, "open", request)
        if "need" not in reply:
            return reply
        for need in reply["need"]:
            start, end = need["offset"], need["offset"] + need["length"]
            engine.provide(need["file"], start, disk[need["file"]][start:end])
    raise AssertionError("the same needs come again and again")


def work(engine, disk):
    """Adds, replaces and removes over three commits; answers the last digest and all that was written."""
    ask(engine, "open", {"index": "kept"})
    ask(engine, "add", {"index": "kept", "documents": cases.HARBOUR})
    first, one = commit(engine, disk, on=None, meta={"title": "T"})
    ask(engine, "add", {"index": "kept", "documents": [cases.BOAT, NEW]})
    second, two = commit(engine, disk, on=first)
    ask(engine, "remove", {"index": "kept", "ids": ["keeper", "boat"]})
    third, three = commit(engine, disk, on=second)
    return third, [one, two, three]


@RUST_ONLY
def test_what_was_committed_is_found_again(engine, native):
    disk = {}
    digest, written = work(engine, disk)
    mine = ask(engine, "search", {"index": "kept", **PLANS[0]})
    assert ask(engine, "search", {"index": "kept", **PLANS[1]})["total"] == 1
    assert len(disk) == 3 and len(mine["hits"]) == 3
    state = json.loads(engine.status())["indexes"]["kept"]
    assert state["next"] | {"segments": None} == {"stored": digest, "pending": 0, "gone": False, "segments": None}
    assert [(each["documents"], each["living"], each["live"]) for each in state["next"]["segments"]] == [(4, 2, True), (2, 1, True)]
    for whole in (True, False):
        reply = opened(engine, disk, whole=whole)
        assert (reply["documents"], reply["meta"]) == (3, {})
        for plan in PLANS:
            kept, again = (ask(engine, "search", {"index": index, **plan}) for index in ("kept", "again"))
            assert again == kept
        ask(engine, "close", {"index": "again"})
    merge = [each["file"] for each in state["next"]["segments"]]
    commit(engine, disk, on=digest, merge=merge)
    assert len(disk) == 2
    assert opened(engine, disk)["documents"] == 3
    assert ask(engine, "search", {"index": "again", **PLANS[2]})["total"] == 3
    ask(engine, "close", {"index": "again"})
    ask(engine, "close", {"index": "kept"})
    assert work(native, {}) == (digest, written)
    ask(native, "close", {"index": "kept"})


@RUST_ONLY
def test_a_commit_on_something_else_is_refused_and_changes_nothing(engine):
    disk = {}
    digest, _ = work(engine, disk)
    before = engine.status()
    for request in ({"on": "0" * 32}, {"on": digest, "merge": ["segment-0.findling"]}):
        with pytest.raises(BadRequest):
            commit(engine, dict(disk), **request)
    assert json.loads(engine.status())["indexes"] == json.loads(before)["indexes"]
    assert commit(engine, disk, on=digest)[0] == digest
    ask(engine, "close", {"index": "kept"})
