"""Whether this installation can embed and search, how fast, and what is to be done where it cannot.

Owns what is looked at and the way out of each fault. Must not know how it is shown. Invariant: nothing is changed, and a
fault never keeps the other things from being looked at. Node and browsers are not asked for: neither build nor search needs one.
"""

import hashlib
import importlib.util
import json
import platform
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from findling import __version__, cache, installed
from findling.engine import Engine, encode, inspect, load, vector_index
from findling.errors import FindlingError, NotFound, Unsupported
from findling.readers.formats import TABLE

KERNELS = {
    "avx512-vnni": "this processor multiplies bytes 64 at a time (AVX-512 VNNI)",
    "avx-vnni": "this processor multiplies bytes 32 at a time (AVX-VNNI), and has no AVX-512 VNNI",
    "avx2": "this processor has AVX2 and no VNNI",
    "neon-dotprod": "this processor has NEON with its dot products",
    "neon": "this processor has NEON without its dot products",
    "scalar": "this processor has none of the instruction sets that Findling knows, so it is slow",
}
TEXT = "how to tie a knot that holds in the storm"
ROUNDS = 9
VECTORS = 1_000
ROOM_BYTES = 200 << 20
"""A model, its table and an index of some size find place in this."""


class Check(NamedTuple):
    """One thing that was looked at: its name, what was found, and, where that is a fault, what to do about it."""

    name: str
    found: str
    remedy: str | None = None

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return {"name": self.name, "ok": self.remedy is None, "found": self.found, **({"remedy": self.remedy} if self.remedy else {})}


def examine(model: str | None = None, pieces: str | None = None, config: Path | None = None) -> Iterator[Check]:
    """Look at one thing after the other; `model` and `pieces` as the commands take them, `config` the file that counts."""
    yield Check("findling", f"{__version__}, {Path(__file__).parent}")
    yield Check("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}")
    yield Check("config", str(config) if config else "no findling.toml and no [tool.findling] in pyproject.toml here; none is needed")
    yield _look("engine", _engine, "reinstall it: pip install --force-reinstall findling; in a checkout: ./build.sh build")
    yield _look("model", partial(_file, installed.MODEL, model), "name a file or an address: findling doctor --model FILE; in a checkout ./build.sh build makes it")
    yield _look("piece table", partial(_table, model, pieces), "name a file or an address: findling doctor --pieces FILE")
    remedy = "repair what is said above first; if nothing is, please report this"
    yield _look("embedding", lambda: _embedding(installed.engine(model, pieces)), remedy)
    yield _look("scanning", _scanning, remedy)
    yield _look("readers", _readers, "install what is missing: pip install pypdf mutagen")
    yield _look("site", _site, "")
    yield _cache(cache.Cache(cache.folder()))


def _look(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, look())
    except (FindlingError, OSError) as error:
        return Check(name, getattr(error, "message", None) or str(error), remedy)


def _engine() -> str:
    status = json.loads(load().status())
    return f"{status['backend']}, kernel {status['kernel']}: {KERNELS.get(status['kernel'], 'the best that it found')}"


def _file(kind: str, named: str | None) -> str:
    found = installed.find(kind, named)
    about = inspect(found.data)
    return f"{about['meta'].get('name', about['kind'])}, {found.place}, {len(found.data)} bytes, sha256 {hashlib.sha256(found.data).hexdigest()}"


def _table(model: str | None, named: str | None) -> str:
    if named is not None:
        return _file(installed.PIECES, named)
    try:
        found = installed.table_of(model)
    except NotFound:
        found = None
    if found is None:
        return "none; collections that are read from a server are searched by the words of their own dictionary, and by the model"
    return _file(installed.PIECES, found.place)


def _site() -> str:
    try:
        return str(installed.site())
    except NotFound as error:
        return f"none, so findling serve OUT has no page: {error.message}"


def _embedding(engine: Engine) -> str:
    dim = json.loads(engine.status())["model"]["dim"]
    asked = encode({"texts": [TEXT], "kind": "query"})
    best = _best(lambda: engine.embed(asked))
    return f"{best * 1e3:.2f} ms until a text of {len(TEXT.split())} words is a vector of {dim} numbers"


def _scanning() -> str:
    dim = 384
    index = vector_index(dim=dim, index="flat")
    # Any numbers will do, as long as no row is all zeros.
    numbers = array("f", ((at * 31 + 7) % 101 - 50.5 for at in range(VECTORS * dim)))
    ids = array("I", range(VECTORS))
    if sys.byteorder == "big":
        numbers.byteswap()
        ids.byteswap()
    index.add(ids.tobytes(), numbers.tobytes())
    vector = numbers.tobytes()[: 4 * dim]
    best = _best(lambda: index.search(vector, limit=10))
    return f"{best * 1e3:.3f} ms until {VECTORS} vectors of {dim} numbers are searched through"


def _best(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes at its best: what others do on this machine meanwhile is not its speed."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _readers() -> str:
    packages = sorted({format.package for format in TABLE if format.package})
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise Unsupported(f"{', '.join(missing)} not installed: some kinds of files cannot be read")
    return f"{len({suffix for format in TABLE for suffix in format.suffixes})} kinds of files, with {' and '.join(packages)}"


def _cache(kept: cache.Cache) -> Check:
    try:
        entries, free = kept.entries(), kept.free_bytes()
    except OSError as error:
        return Check("cache", f"{kept.root}: {error.strerror or error}", "name another folder in FINDLING_CACHE")
    broken = [entry for entry in entries if hashlib.sha256(entry.path.read_bytes()).hexdigest() != entry.sha256]
    found = f"{kept.root}, {len(entries)} files, {sum(entry.size_bytes for entry in entries)} bytes; {free} bytes free"
    if broken:
        return Check("cache", f"{found}; {broken[0].sha256} was changed", f"remove it, it is fetched again: rm {broken[0].path}")
    if free < ROOM_BYTES:
        return Check("cache", found, "free some space, or name another folder in FINDLING_CACHE")
    return Check("cache", found)
