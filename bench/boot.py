"""How long a returning visitor waits: from navigation to the first hits painted, against stock Pyodide alone.

Owns both pages and the order of the visits. Must not know how either starts. Invariant: the two are visited in turn in
one browser, first visits are held against first visits and warm ones against warm ones, and the baseline does nothing but
`loadPyodide()` with the files as npm ships them.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from _chromium import DIST, chromium, measured, served
from _report import ROOT, report, say
from playwright.sync_api import Page

QUERY = "feeling sick with a fever"
WARM = 8
"""Visits before measuring: V8 keeps compiled code after about seven."""
VISITS = 15
STOCK_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
STOCK_PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="icon.svg"><script type="module" src="page.js"></script>'
STOCK_SCRIPT = """
new Worker('worker.js', {type: 'module'}).addEventListener('message', ({data}) => { document.documentElement.dataset.took = data; });
"""
STOCK_WORKER = """
const start = performance.now();
const {loadPyodide} = await import('./pyodide.mjs');
await loadPyodide();
postMessage(performance.now() - start);
"""
WATCH = """
const look = () => {
  const root = document.documentElement;
  if (root?.dataset.answered) requestAnimationFrame(() => { root.dataset.painted = performance.now(); });
  else requestAnimationFrame(look);
};
look();
"""


def stock(folder: Path) -> None:
    """Write the page of the baseline."""
    for name in STOCK_FILES:
        shutil.copy(ROOT / "node_modules" / "pyodide" / name, folder)
    (folder / "index.html").write_text(STOCK_PAGE, encoding="utf-8")
    (folder / "page.js").write_text(STOCK_SCRIPT, encoding="utf-8")
    (folder / "worker.js").write_text(STOCK_WORKER, encoding="utf-8")
    (folder / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")


def ours(page: Page, address: str) -> float:
    """Milliseconds from navigation to the first hits on the screen."""
    page.goto("about:blank")
    page.goto(f"{address}#q={QUERY}", wait_until="commit")
    return measured(page, "document.documentElement.dataset.painted")


def theirs(page: Page, address: str) -> float:
    """Milliseconds from the start of the worker's script to the end of `loadPyodide()`."""
    page.goto("about:blank")
    page.goto(address, wait_until="commit")
    return measured(page, "document.documentElement.dataset.took")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, served(DIST) as site, chromium() as context:
        stock(Path(folder))
        with served(Path(folder)) as plain:
            # One tab for both: a tab in the background paints nothing.
            page = context.pages[0]
            page.add_init_script(WATCH)
            say(f"boot: {WARM} visits to warm the caches, then {VISITS} of each in turn")
            first, alone = ours(page, site), theirs(page, plain)
            for _ in range(WARM):
                ours(page, site)
                theirs(page, plain)
            mine, baseline = [], []
            for _ in range(VISITS):
                mine.append(ours(page, site))
                baseline.append(theirs(page, plain))
    report("boot", "first visit, navigation to first hits", "once", first, "ms", alone)
    report(
        "boot", "returning visit, navigation to first hits", "median", statistics.median(mine), "ms", statistics.median(baseline)
    )
    report("boot", "returning visit, navigation to first hits", "least", min(mine), "ms", min(baseline))


if __name__ == "__main__":
    main()
