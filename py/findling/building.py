"""Builds a collection out of files: what is read, embedded and written where.

Owns the way from sources to an index file or the folder of a published collection. Must not know arguments, or what is
printed. Invariant: what was there before stays as it is unless something was found to index.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from findling import published, readers, segments
from findling.app import App, Ticket
from findling.engine import Engine
from findling.errors import NotFound
from findling.sources import Sources
from findling.store import FolderStore

COLLECTION = "collection"


async def build(
    engine: Engine, named: list[Path], out: Path, *, ticket: Ticket, read: Callable[[str], None] = lambda name: None, url: str = ""
) -> dict[str, Any]:
    """Index the files and folders `named` and write them to `out`: one file where it ends in `.findling`, else a published collection.

    Answers what `App.add` does, and `left_out`: how many files of folders were passed over, by reason. `read` is told the name
    of each file before it is read, `ticket` how many documents are in; `url` is the address that the folders have on the web. Raises `NotFound` where nothing could be indexed.
    """
    app = App(engine, FolderStore(out.parent), calibrate=True)
    await app.open(COLLECTION)
    sources = Sources(named, out, url)
    added = await app.add(COLLECTION, files=sources.files(read), ticket=ticket)
    added["skipped"] = sources.skipped + added["skipped"]
    added["left_out"] = sources.left_out
    if not added["documents"]:
        reasons = "".join(f"; {each['name']}: {each['reason']}" for each in added["skipped"][:3])
        raise NotFound(f"nothing in {', '.join(map(str, named))} could be indexed; {readers.KINDS} and other files can{reasons}")
    if out.suffix == segments.SUFFIX:
        await FolderStore(out.parent).write(out.name, (await app.save(COLLECTION))["bytes"])
    else:
        await published.write(out, published.files(await app.publish(COLLECTION)))
    return added
