"""The files of folders, for who builds a collection from them.

Owns which files are taken, in which order and under which names. Must not know what is in a file. Invariant: the same folders
give the same names in the same order on every machine; a file's bytes are in memory only while it is read.
"""

import mmap
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from findling import readers
from findling.errors import BadRequest, NotFound
from findling.readers.formats import MAX_BYTES

HIDDEN, LINKS, OTHER = "hidden", "links", "of other kinds"

State = tuple[int, int, int]
"""Length in bytes, time of change in nanoseconds and number of a file: another state, another content."""


def workplace(out: Path) -> Path:
    """The hidden folder beside `out` for what a build of it has to remember."""
    place = out.resolve()
    return place.with_name(f".{place.name}.build")


def state_of(path: Path) -> State | None:
    """The state of a file; None where there is none."""
    try:
        return _state(path.stat())
    except OSError:
        return None


def _state(about: os.stat_result) -> State:
    return about.st_size, about.st_mtime_ns, about.st_ino


def _never(name: str, path: Path, state: State, data: Any = None) -> bool:
    return False


def _mapped(path: Path) -> Any:
    """A file of which only a few places will be read."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Sources:
    """The files of all sources that a reader knows; `skipped` those that could not be read, `left_out` how many were passed over.

    Of several folders each file's name begins with its folder's. Hidden files, links, and the index that is being written
    to `out` with its `workplace` are passed over, in folders. `url` is the address that the folders have on the web. Raises `NotFound` and, where two files have the same name, `BadRequest`.
    """

    def __init__(self, sources: list[Path], out: Path, url: str = "") -> None:
        self._url = url if not url or url.endswith("/") else f"{url}/"
        self.skipped: list[dict[str, str]] = []
        self.left_out: dict[str, int] = dict.fromkeys((HIDDEN, LINKS, OTHER), 0)
        self._ours = {out.resolve(), workplace(out)}
        self._found: list[tuple[str, Path]] = []
        for source in sources:
            if not source.exists():
                raise NotFound(f"there is no file or folder {source}")
            front = f"{source.resolve().name}/" if len(sources) > 1 and source.is_dir() else ""
            paths = [source] if source.is_file() else self._walk(source)
            self._found += [(front + (path.relative_to(source).as_posix() if path != source else path.name), path) for path in paths]
        counts = Counter(name for name, _ in self._found)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise BadRequest(f"two of the sources have a file {twice[0]!r}; rename one, or build from the folder that holds both")

    def files(self, report: Callable[[str], None] = lambda name: None, known: Callable[..., bool] = _never) -> Iterator[dict[str, Any]]:
        """Name, bytes, `state`, `beside` and, where a base is known, `url` of each, read when it is asked for.

        `known` is asked by name, path and state whether a file may be passed over, before it is read and, with its bytes, after.
        """
        for name, path in self._found:
            try:
                state = _state(path.stat())
                size, limit = state[0], readers.limit_of(path.name)
                if known(name, path, state):
                    continue
                report(name)
                if size > limit:
                    reason = f"the file has {size} bytes, the limit is {limit}; split it"
                    self.skipped.append({"name": name, "code": "bad_input", "reason": reason})
                    continue
                data = _mapped(path) if size > MAX_BYTES else path.read_bytes()
                if known(name, path, state, data):
                    continue
            except OSError as error:
                self.skipped.append({"name": name, "code": "storage", "reason": error.strerror or str(error)})
                continue
            yield {"name": name, "bytes": data, "state": state, "beside": self._beside(name, path), "url": self._address(name)}

    def state(self) -> dict[str, State]:
        """The state of each file by name."""
        states = ((name, state_of(path)) for name, path in self._found)
        return {name: state for name, state in states if state is not None}

    def _address(self, name: str) -> str:
        """The address of a file; that of a folder's first page is the folder's."""
        folder, slash, last = name.rpartition("/")
        return self._url and self._url + quote(folder + slash + ("" if last in ("index.html", "index.htm") else last))

    def _beside(self, name: str, path: Path) -> Callable[[str], bytes | None]:
        front = name.removesuffix(path.name)

        def beside(other: str) -> bytes | None:
            wanted = path.with_name(other.rpartition("/")[2])
            is_ours = other == front + wanted.name and wanted.is_file() and not wanted.is_symlink()
            return wanted.read_bytes() if is_ours and wanted.stat().st_size <= readers.limit_of(wanted.name) else None

        return beside

    def _walk(self, folder: Path) -> list[Path]:
        """The files below a folder in the order of their names, folder by folder."""
        found = []
        for where, folders, names in os.walk(folder, followlinks=False):
            kept = []
            for name in sorted(folders):
                path = Path(where, name)
                if self._passed_over(path):
                    continue
                kept.append(name)
            folders[:] = kept
            for name in sorted(names):
                path = Path(where, name)
                if self._passed_over(path) or not path.is_file():
                    continue
                if readers.suffix_of(name) in readers.BY_SUFFIX:
                    found.append(path)
                else:
                    self.left_out[OTHER] += 1
        return found

    def _passed_over(self, path: Path) -> bool:
        """Whether a file or folder is hidden or a link, which is counted; what is written is just passed over."""
        if not path.is_symlink() and path.resolve() in self._ours:
            return True
        for what, holds in ((HIDDEN, path.name.startswith(".")), (LINKS, path.is_symlink())):
            if holds:
                self.left_out[what] += 1
                return True
        return False
