"""How long the command line takes to build 34,047 documents, what a change of one in a hundred costs, and how much memory is needed.

Owns the documents and the changes. Must not know how anything is built. Invariant: every figure is of a process of its own, started in
turn in the same run; embedding alone takes the same passages by the same engine, in the order in which they come.

    collection.py [SHARE]   build only so large a share of the documents, to try it
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _collection import TABLE
from _report import MODEL, ROOT, lines, report, say

from findling import engine
from findling.documents import from_fields
from findling.passages import cut

NAME = "debian-src"
CHANGED = 100
"""One document in so many is changed."""
BATCH = 256
BUILD_ASKED, AGAIN_ASKED, PEAK_ASKED_MB = 1.4, 0.05, 700.0


def run(*command: str) -> tuple[float, float, str]:
    """Seconds that a process of this Python took, the most memory it had in MB of 10^6 bytes, and what it printed."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "py")}
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return took, usage.ru_maxrss * 1024 / 1e6, printed


def embed(source: Path) -> None:
    """Print the seconds that the passages of a file take to be embedded, without reading and cutting them."""
    with source.open(encoding="utf-8") as file:
        texts = [passage.embedded for line in file for passage in cut(from_fields(json.loads(line), ""))]
    own = engine.load()
    own.load_model(MODEL.read_bytes())
    start = time.perf_counter()
    for at in range(0, len(texts), BATCH):
        own.embed(engine.encode({"texts": texts[at : at + BATCH], "kind": "passage"}))
    print(json.dumps({"passages": len(texts), "seconds": time.perf_counter() - start}))


def changed(line: str) -> str:
    """A document with another text."""
    entry = json.loads(line)
    return json.dumps({**entry, "text": f"{entry['text']} It was changed since."}, ensure_ascii=False)


def main() -> None:
    """All of it."""
    share = float(sys.argv[1]) if sys.argv[1:] else 1.0
    documents = list(lines(f"{NAME}.jsonl.gz"))
    documents = documents[: max(CHANGED, int(len(documents) * share))]
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place, f"{NAME}.jsonl"), Path(place, "out")
        source.write_text("\n".join(documents) + "\n", encoding="utf-8")
        command = ("-m", "findling", "build", str(source), "-o", str(out), "--model", str(MODEL), "--pieces", str(TABLE), "--json")
        say(f"collection: embedding {len(documents)} documents alone")
        alone = json.loads(run(__file__, "--embed", str(source))[2])
        case = f"{NAME}, {len(documents)} documents, {alone['passages']} passages"
        say("collection: building them")
        first, peak, _ = run(*command)
        report("collection", case, "build, beside embedding alone (asked: 1.4 of it)", first, "s", alone["seconds"])
        report("collection", case, "most memory of the build", peak, "MB", PEAK_ASKED_MB)
        source.write_text("\n".join(changed(line) if at % CHANGED == 0 else line for at, line in enumerate(documents)) + "\n", encoding="utf-8")
        say("collection: building again, one document in a hundred changed")
        again, peak, told = run(*command)
        answer = json.loads(told)
        report("collection", case, f"build again, {answer['replaced']} changed (asked: {AGAIN_ASKED} of the first)", again, "s", first)
        report("collection", case, "most memory of the second build", peak, "MB", PEAK_ASKED_MB)
        size = sum(path.stat().st_size for path in out.iterdir())
        report("collection", case, "size on disk after both", size / 1e6, "MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--embed"]:
        embed(Path(sys.argv[2]))
    else:
        main()
