"""What the browser benchmarks share: a served folder, a Chromium with a disk cache, and one line of JSON per figure.

Must not know what is measured. Invariant: standard output holds nothing but JSON lines.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from findling.serve import server

ROOT = Path(__file__).parents[1]
DIST = Path(os.environ.get("FINDLING_DIST", ROOT / "dist"))
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_S = 120


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `folder` on the project's own server."""
    with server(folder) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@contextmanager
def chromium(*flags: str, **options: Any) -> Iterator[BrowserContext]:
    """A browser with a fresh profile on disk, so that its HTTP cache and its cache of compiled code work as a visitor's do."""
    path = os.environ.get("FINDLING_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(profile, executable_path=path, args=[*FLAGS, *flags], **options)
        context.set_default_timeout(TIMEOUT_S * 1000)
        yield context
        context.close()


def measured(page: Page, script: str) -> float:
    """A number that a page comes to know: polled by the page itself, frame by frame, because its policy forbids more."""
    wait = f"() => new Promise((done) => {{ const look = () => {{ const value = {script}; value ? done(value) : requestAnimationFrame(look); }}; look(); }})"
    return float(page.evaluate(wait))


def report(bench: str, case: str, metric: str, value: float, unit: str, baseline: float | None = None) -> None:
    """Print one figure; `ratio` is value over baseline."""
    line = {
        "bench": bench,
        "case": case,
        "metric": metric,
        "value": round(value, 3),
        "unit": unit,
        "baseline": None if baseline is None else round(baseline, 3),
        "ratio": None if baseline is None else round(value / baseline, 3),
    }
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
