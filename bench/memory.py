"""How much memory the searching engine takes in a page: the model, 34,047 passages and a hundred searches.

Owns the collection, the order of the steps and the limit. Must not know how the engine keeps anything. Invariant: a MB is
10^6 bytes, linear memory never shrinks, so that its last figure is the peak, and the parts are those of `status`.

    memory.py [BACKEND]   default wasm-relaxed
"""

import gc
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from _chromium import call, chromium, lay_out, served
from _collection import embedded
from _report import MODEL, lines, report, say
from playwright.sync_api import Page

from findling import engine
from findling.documents import from_fields

NAME = "debian-src"
LIMIT_MB = 110.0
SEARCHES = 100
WORDS = "game editor compiler library font music network server python image video database kernel shell mail browser".split()


def index_file() -> bytes:
    """The collection as an index file with its records; one passage a document, its vector from the cache."""
    vectors = embedded(NAME)
    own = engine.load()
    space = json.loads(own.load_model(MODEL.read_bytes()))["space"]
    documents = [from_fields(json.loads(line), str(number)) for number, line in enumerate(lines(f"{NAME}.jsonl.gz"))]
    entries = [{"id": each.id, "passages": [""], "record": each.record([(0, len(each.text))])} for each in documents]
    own.open(engine.encode({"index": NAME}))
    own.add_vectors(engine.encode({"index": NAME, "space": space, "documents": entries}), vectors.astype("<f4").tobytes())
    return own.dump(engine.encode({"index": NAME, "meta": {"title": NAME}}))


def fill(folder: Path) -> int:
    """The page's folder: engine, model and index; the length of the index file."""
    lay_out(folder, "memory.page.js")
    shutil.copy(MODEL, folder / "model.findling")
    return (folder / "index.findling").write_bytes(index_file())


def queries() -> list[str]:
    """A hundred texts that find documents all over the collection."""
    return [f"{WORDS[n % len(WORDS)]} for {WORDS[(n * 7 + n // len(WORDS)) % len(WORDS)]}" for n in range(SEARCHES)]


def tell(step: str, status: dict[str, Any]) -> None:
    """The linear memory after a step, beside the limit, and the parts it is made of."""
    report("memory", step, "linear memory", status["memory_bytes"] / 1e6, "MB", LIMIT_MB)
    parts = {name: size / 1e6 for name, size in status["size_bytes"].items() if size}
    for name, size in parts.items():
        report("memory", step, name, size, "MB")
    report("memory", step, "stack, constants and free", status["memory_bytes"] / 1e6 - sum(parts.values()), "MB")


def resident_mb() -> float | None:
    """Resident memory of the largest renderer among this process's descendants; none where /proc does not tell."""
    parents, sizes = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = dict(line.split(":", 1) for line in (path / "status").read_text().splitlines() if ":" in line)
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(path.name)] = int(fields["PPid"])
        if b"--type=renderer" in command and "VmRSS" in fields:
            sizes[int(path.name)] = int(fields["VmRSS"].split()[0]) * 1024 / 1e6

    def is_ours(process: int) -> bool:
        while process and process != os.getpid():
            process = parents.get(process, 0)
        return process != 0

    return max((size for process, size in sizes.items() if is_ours(process)), default=None)


def tell_page(step: str, page: Page) -> None:
    """What the page takes: objects of JavaScript, its buffers without the linear memory, and the whole process."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    report("memory", step, "JavaScript heap", usage["usedSize"] / 1e6, "MB")
    if "backingStorageSize" in usage:
        report("memory", step, "JavaScript buffers", usage["backingStorageSize"] / 1e6, "MB")
    resident = resident_mb()
    if resident is not None:
        report("memory", step, "resident memory of the renderer", resident, "MB")


def main() -> None:
    backend = sys.argv[1] if sys.argv[1:] else "wasm-relaxed"
    with tempfile.TemporaryDirectory() as folder:
        length = fill(Path(folder))
        gc.collect()
        with served(Path(folder)) as site, chromium() as context:
            page = context.pages[0]
            page.goto(site)
            say(f"memory: {backend}, index file of {length / 1e6:.1f} MB")
            tell("engine alone", call(page, "setUp", backend))
            tell_page("engine alone", page)
            tell("with the model", call(page, "loadModel"))
            tell("with the index opened", call(page, "open", length))
            tell("after the first search", call(page, "search", queries()[:1]))
            found = call(page, "search", queries())
            passages = found["indexes"]["passages"]["passages"]
            step = f"after {SEARCHES} searches of {passages} passages"
            tell(step, found)
            tell_page(step, page)
            tell("after all records were read", call(page, "readAll"))
            tell("after close", call(page, "close"))
            tell("after free", call(page, "free", backend))
            tell_page("after free", page)


if __name__ == "__main__":
    main()
