"""What the browser benchmarks share: a served folder, and a Chromium with a disk cache.

Owns how the browser is started. Must not know what is measured. Invariant: a browser has a profile of its own, which ends with it.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _report import ROOT
from playwright.sync_api import BrowserContext, Page, sync_playwright

from findling.serve import server

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
