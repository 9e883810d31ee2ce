"""What the browser benchmarks share: a page laid out in a folder, the folder served, and a Chromium with a disk cache.

Owns what lies in every such folder and how a page's functions are called. Must not know what is measured. Invariant: a
browser has a profile of its own, which ends with it.
"""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _report import ROOT
from playwright.sync_api import BrowserContext, Page, sync_playwright

from findling.serve import server

sys.path.insert(0, str(ROOT / "tests"))
from chromium import FLAGS, chromium_path  # noqa: E402  (Tests start it the same way.)

DIST = Path(os.environ.get("FINDLING_DIST", ROOT / "dist"))
ENGINE = Path(os.environ.get("FINDLING_ENGINE") or ROOT / ".cache" / "engine")
"""The folder of the engines that a page loads."""
TIMEOUT_S = 120


def lay_out(folder: Path, module: str, *, engines: bool = True) -> None:
    """A page in `folder`: the module bench/`module`, whose functions `call` calls, and, if it needs them, the engines and what loads them."""
    shutil.copy(ROOT / "bench" / module, folder)
    if engines:
        shutil.copytree(ENGINE, folder / "engine")
        (folder / "web").mkdir()
        shutil.copy(ROOT / "web" / "engine.js", folder / "web")
    page = f'<!doctype html><html data-module="/{module}"><title>bench</title><link rel="icon" href="data:,">'
    (folder / "index.html").write_text(page, encoding="utf-8")


def call(page: Page, function: str, *arguments: Any) -> Any:
    """A function of the module of a page that was laid out."""
    script = "async ([name, given]) => (await import(document.documentElement.dataset.module))[name](...given)"
    return page.evaluate(script, [function, list(arguments)])


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
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(profile, executable_path=chromium_path(), args=[*FLAGS, *flags], **options)
        context.set_default_timeout(TIMEOUT_S * 1000)
        yield context
        context.close()


def measured(page: Page, script: str) -> float:
    """A number that a page comes to know: polled by the page itself, frame by frame, because its policy forbids more."""
    wait = f"() => new Promise((done) => {{ const look = () => {{ const value = {script}; value ? done(value) : requestAnimationFrame(look); }}; look(); }})"
    return float(page.evaluate(wait))
