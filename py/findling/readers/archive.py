"""ZIP archives (.zip): every file in them that a reader knows.

Owns the names of inner files. Must not know formats. Invariant: an inner file that cannot be used costs only itself;
names lead nowhere, because nothing is written.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from findling.errors import FindlingError, Unsupported
from findling.readers import BY_SUFFIX, File, Reading, Skipped, clean_name, inside, limit_of, suffix_of
from findling.readers.files import Spent
from findling.readers.zips import Container

MAX_BESIDE_BYTES = 1024 * 1024


def read(file: File, reading: Reading) -> Iterator[None]:
    """The documents of all files inside, named `archive.zip/path/in/it`; hidden files are passed over."""
    container = Container(file)
    others: Counter[str] = Counter()
    for entry in container.entries():
        path = entry.filename.replace("\\", "/").lstrip("/")
        if any(part.startswith((".", "__MACOSX")) for part in path.split("/") if part not in ("..", ".")):
            continue
        if suffix_of(path) not in BY_SUFFIX:
            others[suffix_of(path) or "no suffix"] += 1
            continue
        name = clean_name(f"{file.name}/{path}")
        try:
            data = container.read(entry, limit_of(path))
        except Spent:
            raise
        except FindlingError as error:
            reading.skipped.append(Skipped(name, error.code, error.message))
            continue
        yield from inside(file, name, data, reading, _beside(file, container))
    if others:
        named = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common(5))
        reading.skipped.append(Skipped(file.name, Unsupported.code, f"some files in it are of kinds that cannot be read: {named}"))


def _beside(file: File, container: Container) -> Callable[[str], bytes | None]:
    """Other files of the archive by the names they have here; only small ones are of use."""

    def beside(name: str) -> bytes | None:
        path = name.removeprefix(f"{file.name}/")
        return container.read(path, MAX_BESIDE_BYTES) if container.has(path) else None

    return beside
