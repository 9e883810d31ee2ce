"""Builds a collection out of files: what is read, embedded and written where.

Owns the way from sources to an index file or the folder of a published collection, and what of an earlier build is kept.
Must not know arguments, or what is printed. Invariant: what was there before stays as it is unless something was found to
index; built again, it holds the same documents as if it had been built from scratch, also after a build that was killed.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from findling import passages, published, readers, remembered, segments
from findling.app import Ticket, taken
from findling.collection import Collection
from findling.commits import Shelf
from findling.engine import Engine, inspect
from findling.errors import FindlingError, NotFound, StorageError
from findling.intake import Intake, not_installed
from findling.keeping import let_others_run
from findling.segments import POINTER
from findling.sources import Sources, workplace
from findling.store import FolderStore

COLLECTION = "collection"
HEAD_BYTES = 64
"""Of the start of a file, which holds the digest of its header (docs/FORMAT.md): no two collections have the same."""


async def build(
    engine: Engine,
    named: list[Path],
    out: Path,
    *,
    ticket: Ticket,
    read: Callable[[str], None] = lambda name: None,
    fresh: bool = False,
    url: str = "",
) -> dict[str, Any]:
    """Index the files and folders `named` and write them to `out`: one file where it ends in `.findling`, else a published collection.

    What an earlier build left at `out` is kept: documents that are the same stay, others are replaced or removed, and what is
    new goes into a live segment; `fresh` begins from nothing. What a build from nothing has embedded is kept in the `workplace` of `out`
    until it is written, so that the next one goes on where it was killed; so is what each file gave, and one that has not changed
    since is not read. Answers what `App.add` does, and `removed`, `left_out` (how
    many files of folders were passed over, by reason), `fresh` (None, or why it was built from nothing) and `live` (the share of
    documents in live segments). `read` is told the name of each file before it is read, `ticket` how many documents are in;
    `url` is the address that the folders have on the web. Raises `NotFound` where nothing could be indexed, `StorageError` where nothing could be written.
    """
    sources = Sources(named, out, url)
    place = FolderStore(workplace(out))
    reason = "it was asked for" if fresh else None
    collection = None
    if not fresh:
        collection, reason = await _earlier(engine, out)
    reading = remembered.of(url)
    files = remembered.Files() if collection is None else await remembered.load(place, _head(out), reading)

    async def taken_in(files: remembered.Files) -> Intake:
        work = Intake(let_others_run, time.perf_counter, not_installed, lambda: ticket.is_cancelled)
        sources.skipped.clear()
        await work.files(files.noted(sources.files(read, files.is_as_it_was), work))
        return work

    work = await taken_in(files)
    if not files.unread().isdisjoint(document.id for document in work.documents):
        # Of several documents with one id the last one counts: now it matters what the others say.
        files = remembered.Files()
        work = await taken_in(files)
    unread = files.unread()
    if not work.documents and not unread:
        if collection is not None:
            collection.close()
        reasons = "".join(f"; {each['name']}: {each['reason']}" for each in (sources.skipped + work.skipped)[:3])
        raise NotFound(f"nothing in {', '.join(map(str, named))} could be indexed; {readers.KINDS} and other files can{reasons}")
    unfinished = Shelf(place, "", inspect)
    if collection is None:
        collection = await _begun(engine, unfinished)
        answer = await _renewed(work, collection, ticket, unread)
        # They are in the collection now, and writing it takes the most memory of all.
        work.documents.clear()
        await _write(out, collection)
    else:
        answer = await _renewed(work, collection, ticket, unread)
        if collection.keeper is None:
            if answer["added"] + answer["replaced"] + answer["removed"]:
                await _write(out, collection)
        elif not collection.kept()["saved"]:
            raise StorageError(collection.kept()["fault"]["message"])
    state = collection.state()
    keeper = collection.keeper if collection.keeper and collection.keeper.shelf is not unfinished else None
    answer |= {"documents": state["documents"], "passages": state["passages"], "live": keeper.live_share() if keeper else 0.0}
    for key in ("saved", "fault"):
        answer.pop(key, None)
    collection.close()
    with suppress(FindlingError):
        await unfinished.delete()
    if not ticket.is_cancelled:
        await remembered.save(place, _head(out), reading, files.as_list(work.refused))
    return {**answer, "skipped": sources.skipped + answer["skipped"], "left_out": sources.left_out, "fresh": reason}


def _head(out: Path) -> str:
    """What tells the collection that is at `out` from any other; empty where it cannot be read."""
    try:
        with (out / POINTER if out.is_dir() else out).open("rb") as file:
            return file.read(HEAD_BYTES).hex()
    except OSError:
        return ""


async def _begun(engine: Engine, shelf: Shelf) -> Collection:
    """What a build that was broken off had embedded, or an empty collection where that is of no use. Either stores on `shelf` what is added."""
    # What cannot be used goes; where it cannot even be removed, nothing is stored on the way.
    for used in (shelf, shelf, None):
        collection = Collection(COLLECTION, engine, shelf.store, whole=True, shelf=used)
        try:
            state = await collection.open()
            if not state["documents"] or _other(engine, collection, None) is None:
                break
            collection.close()
            await shelf.delete()
        except FindlingError:
            with suppress(FindlingError):
                await shelf.delete()
    return collection


async def _earlier(engine: Engine, out: Path) -> tuple[Collection | None, str | None]:
    """What an earlier build left, open, or why it cannot be built upon; neither where there is nothing."""
    if not published.is_collection(out):
        return None, None
    is_file = out.suffix == segments.SUFFIX
    store = FolderStore(out.parent if is_file else out)
    shelf = None if is_file else Shelf(store, "", inspect)
    collection = Collection(COLLECTION, engine, store, out.name if is_file else None, whole=True, shelf=shelf)
    try:
        await collection.open()
    except StorageError:
        raise
    except FindlingError as error:
        return None, f"what was there cannot be read: {error.message}"
    reason = _other(engine, collection, shelf)
    if reason is None:
        return collection, None
    collection.close()
    return None, reason


def _other(engine: Engine, collection: Collection, shelf: Shelf | None) -> str | None:
    """Why documents of an earlier build are not what they would be now; None where they are."""
    status = json.loads(engine.status())
    if collection.space not in (None, status["model"]["space"]):
        return "it was built with another model"
    if collection.state()["meta"].get("cutting") != passages.CUTTING:
        return "it was built by a version that cuts documents otherwise"
    pieces = status["pieces"] and status["pieces"]["digest"]
    if shelf is not None and shelf.header is not None and pieces and shelf.header["meta"].get("pieces") not in (None, pieces):
        return "it was built with another piece table"
    return None


async def _renewed(work: Intake, collection: Collection, ticket: Ticket, unread: set[str]) -> dict[str, Any]:
    """Bring a collection up to what was read now, and the documents of files that need not be read."""
    before = collection.state()["documents"]
    answer = await taken(work, collection, ticket, let_others_run)
    answer["unchanged"] += len(unread)
    vanished: list[str] = []
    # What was there was met, or has vanished.
    there = {document.id for document in work.documents}
    if answer["unchanged"] + answer["replaced"] < before or work.refused or len(there) < len(work.documents):
        there = there - work.refused | unread
        vanished = sorted(set(await collection.ids()) - there)
    answer["removed"] = await collection.remove(vanished) if vanished else 0
    await collection.commit()
    return answer


async def _write(out: Path, collection: Collection) -> None:
    if out.suffix == segments.SUFFIX:
        await FolderStore(out.parent).write(out.name, await collection.save(calibrate=True))
    else:
        await published.write(out, published.files(await collection.publish(calibrate=True)))
