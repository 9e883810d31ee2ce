"""Files that were fetched once, in the user's cache folder, each under the sha256 of its bytes.

Owns the folder and the names in it. Must not know what the files are. Invariant: bytes that are handed out have the digest
that they are kept under; a file that was changed is removed and said to be.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from findling.errors import NotFound, StorageError, WrongDigest

DIGEST = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """One kept file: its sha256 in hex, its place, its length in bytes."""

    sha256: str
    path: Path
    size_bytes: int


def folder() -> Path:
    """FINDLING_CACHE, or where the system has programs keep what can be fetched again (on Linux the XDG rules)."""
    if told := os.environ.get("FINDLING_CACHE"):
        return Path(told)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "findling/cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/findling"
    xdg = Path(os.environ.get("XDG_CACHE_HOME") or "")
    # A relative path is to be ignored, say the rules.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "findling"


class Cache:
    """Files under their digests, and names for some of them; `root` need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes, *names: str) -> str:
        """Keep `data` and call it `names` from now on; answers its sha256. Raises `StorageError`."""
        digest = hashlib.sha256(data).hexdigest()
        self._write(digest, data)
        for name in names:
            self._write(self._label(name), digest.encode())
        return digest

    def get(self, name: str) -> tuple[Path, bytes]:
        """Place and bytes of the file that is called so, checked against its digest.

        Raises `NotFound` where there is none, `WrongDigest` where it was changed; that file is gone then.
        """
        try:
            digest = (self.root / self._label(name)).read_text("ascii")
            path = self.root / digest
            data = path.read_bytes() if DIGEST.fullmatch(digest) else b""
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"nothing is kept as {name} in {self.root}", file=name) from error
        if hashlib.sha256(data).hexdigest() != digest:
            (path if DIGEST.fullmatch(digest) else self.root / self._label(name)).unlink(missing_ok=True)
            raise WrongDigest(f"{name} in {self.root} was changed since it was kept, so it has been removed; have it fetched again", file=name)
        return path, data

    def entries(self) -> list[Entry]:
        """What is kept, in the order of digests."""
        if not self.root.is_dir():
            return []
        paths = sorted(path for path in self.root.iterdir() if DIGEST.fullmatch(path.name))
        return [Entry(path.name, path, path.stat().st_size) for path in paths]

    def free_bytes(self) -> int:
        """How much the disk has left where the folder is, or would be made."""
        place = self.root.absolute()
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    @staticmethod
    def _label(name: str) -> str:
        """The file that says which digest a name, such as an address, stands for."""
        return f"name-{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    def _write(self, name: str, data: bytes) -> None:
        """By way of a sibling that is renamed, so that no file is ever half there."""
        temporary = None
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.root, prefix=".")
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, self.root / name)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise StorageError(f"{self.root} could not be written: {error.strerror or error}; free some space, or name another folder in FINDLING_CACHE") from error
