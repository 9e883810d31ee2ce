"""What files gave in an earlier build, so that those that have not changed since are not read again.

Owns by what a file counts as unchanged, and the list that is kept of them. Must not know what is in a file, or what was built. Invariant:
what is not known for certain to be as it was is read; a list that is lost, damaged or of another collection costs time only.
"""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from findling.errors import FindlingError
from findling.intake import Intake
from findling.sources import State, state_of
from findling.store import WritableStore

LIST = "files.json"
RESTED_NS = 2_000_000_000
"""A file that changed less than so long before it was read may change again without another time of change, on file systems that count in seconds."""
PACKAGES = ("pypdf", "mutagen")
"""What readers stand on besides the standard library."""


class Files:
    """The files of a build: which are as they were, and what each that was read gave.

    `known` is a list as `as_list` gives it. A file is as it was if its length, time of change and number are, or else its bytes, and the
    files are that were looked for beside it.
    """

    def __init__(self, known: dict[str, list[Any]] | None = None) -> None:
        self._known = known or {}
        self._kept: dict[str, list[Any]] = {}
        self._paths: dict[str, Path] = {}
        self._digests: dict[str, str | None] = {}
        self._unread: set[str] = set()

    def unread(self) -> set[str]:
        """The ids of the documents that files gave which were not read, as they are as they were."""
        return {id for name in self._unread for id in self._kept[name][3]}

    def is_as_it_was(self, name: str, path: Path, state: State, data: Any = None) -> bool:
        """Whether a file need not be read; with its bytes in `data`, where it was, whether these are known."""
        entry = self._known.get(name)
        self._paths[name] = path
        # Of what is mapped into memory only a few places are read.
        digest = self._digests[name] = hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else None
        if entry is None or any(state_of(path.with_name(other)) != _state(then) for other, then in entry[2].items()):
            return False
        if state != _state(entry[0]) and (digest is None or digest != entry[1]):
            return False
        self._kept[name] = [_rested(state), *entry[1:]]
        self._unread.add(name)
        return True

    def noted(self, files: Iterable[dict[str, Any]], work: Intake) -> Iterator[dict[str, Any]]:
        """`files` for `work`, which takes them one after the other; what each gives is noted, but of one of which something was skipped."""
        for file in files:
            name, before, skipped = file["name"], len(work.documents), len(work.skipped)
            asked: dict[str, State | None] = {}
            yield {**file, "beside": self._watched(name, file["beside"], asked)}
            if len(work.skipped) == skipped:
                ids = [document.id for document in work.documents[before:]]
                self._kept[name] = [_rested(file["state"]), self._digests.get(name), asked, ids]

    def as_list(self, refused: Iterable[str]) -> dict[str, list[Any]]:
        """What is known of the files now, but for those with a document that was `refused`, or that another file has too."""
        often = Counter(id for entry in self._kept.values() for id in entry[3])
        bad = {id for id, count in often.items() if count > 1} | set(refused)
        return {name: entry for name, entry in self._kept.items() if not bad.intersection(entry[3])}

    def _watched(self, name: str, beside: Callable[[str], bytes | None], asked: dict[str, State | None]) -> Callable[[str], bytes | None]:
        def watched(other: str) -> bytes | None:
            own = other.rpartition("/")[2]
            asked[own] = state_of(self._paths[name].with_name(own))
            return beside(other)

        return watched


def _state(told: list[int] | None) -> State | None:
    return None if told is None else (told[0], told[1], told[2])


def _rested(state: State) -> State | None:
    return state if time.time_ns() - state[1] >= RESTED_NS else None


def of(url: str) -> str:
    """By what the same bytes give the same documents: the code that reads them, the packages it stands on, and the address of the folder."""
    digest = hashlib.sha256(f"{url}\n{sys.version}\n".encode())
    for package in PACKAGES:
        try:
            digest.update(f"{package} {metadata.version(package)}\n".encode())
        except metadata.PackageNotFoundError:
            digest.update(f"{package}\n".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def load(store: WritableStore, collection: str, reading: str) -> Files:
    """What is known of the files that a collection was built from, by what tells it and the code that read them from others; nothing of any other."""
    try:
        told = json.loads(bytes(await store.read(LIST, 0, await store.size(LIST))))
        if (told["collection"], told["reading"]) == (collection, reading):
            return Files(told["files"])
    except (FindlingError, ValueError, KeyError, TypeError):
        pass
    return Files()


async def save(store: WritableStore, collection: str, reading: str, files: dict[str, list[Any]]) -> None:
    """Keep a list; where that cannot be, files are read again."""
    told = {"collection": collection, "reading": reading, "files": files}
    try:
        await store.write(LIST, json.dumps(told).encode())
    except FindlingError:
        return
