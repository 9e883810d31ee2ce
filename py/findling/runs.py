"""Many queries from a file, and their hits as a file.

Owns the two formats: a table of queries with the columns `qid` and `query`, and runs as TREC's tools read them. Must not
know how anything is found. Invariant: what would break a line of a run is refused before anything is written.
"""

from pathlib import Path
from typing import Any

from findling import readers
from findling.errors import BadInput
from findling.store import FolderStore


def queries(file: Path) -> list[tuple[str, str]]:
    """The ids and texts of a TSV file whose header names the columns `qid` and `query`; raises `BadInput`."""
    lines = readers.decode(file.read_bytes()).split("\n")
    columns = lines[0].split("\t")
    if not {"qid", "query"} <= set(columns):
        raise BadInput(f"{file} has no header with the columns qid and query; found {lines[0][:80]!r}")
    qid, query = columns.index("qid"), columns.index("query")
    rows = [line.split("\t") for line in lines[1:] if line.strip()]
    if any(len(row) <= max(qid, query) for row in rows):
        raise BadInput(f"{file} has a line with fewer columns than its header")
    found = [(row[qid], row[query]) for row in rows]
    if len(dict(found)) < len(found):
        raise BadInput(f"{file} has a qid twice; a run tells queries apart by it")
    for id, _ in found:
        _check_id(id, "query")
    return found


async def write(file: Path, ranked: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """The hits of each query as a run: qid Q0 docid rank score tag. Raises `BadInput` for an id that would break its columns."""
    lines = []
    for qid, hits in ranked:
        for rank, hit in enumerate(hits, 1):
            _check_id(hit["id"], "document")
            lines.append(f"{qid} Q0 {hit['id']} {rank} {hit['score']:.9f} findling\n")
    await FolderStore(file.parent).write(file.name, "".join(lines).encode())


def _check_id(id: str, whose: str) -> None:
    if not id or id.split() != [id]:
        raise BadInput(f"the {whose} id {id!r} is empty or has white space, which separates the columns of a run; give it another")
