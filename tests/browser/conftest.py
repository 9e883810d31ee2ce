"""What the browser tests stand on: the built site served to a real Chromium.

Owns starting browser and server and watching the page. Must not know what a test looks for. Invariant: a visit fails
its test when anything unexpected was written to the console or any request went to another origin.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from .site import Site

ROOT = Path(__file__).parents[2]
DIST = Path(os.environ.get("FINDLING_DIST", ROOT / "dist"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
TIMEOUT_MS = 60_000

expect.set_options(timeout=TIMEOUT_MS)


class Visit:
    """A page, what it wrote to its console, and where its requests went."""

    def __init__(self, page: Page, *, origins: set[str]) -> None:
        self.page = page
        self.origins = origins
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.expected: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        page.context.on("request", lambda request: self._check(request.url))

    def expect_console(self, *parts: str) -> None:
        """Lines that hold one of these are the browser's own report of what the test provokes."""
        self.expected += parts

    def check(self) -> None:
        surprising = [line for line in self.console if not any(part in line for part in self.expected)]
        assert surprising == []
        assert self.foreign == []

    def ready(self) -> "Visit":
        """Wait until the demonstration is open."""
        expect(self.page.locator("html")).to_have_attribute("data-ready", "")
        return self

    def search(self, query: str) -> list[str]:
        """Type a query; the rows of its answer."""
        self.page.get_by_role("searchbox").fill(query)
        self.answered(query)
        return self.rows()

    def answered(self, query: str) -> None:
        expect(self.page.locator("html")).to_have_attribute("data-answered", query)

    def rows(self) -> list[str]:
        return self.page.get_by_role("list", name="Results").get_by_role("listitem").all_inner_texts()

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.foreign.append(url)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def launch(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """Start a Chromium, with further flags; one for each set of flags."""
    started: dict[tuple[str, ...], Browser] = {}

    def start(*flags: str) -> Browser:
        if flags not in started:
            path = os.environ.get("FINDLING_CHROMIUM") or shutil.which("chromium")
            started[flags] = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        return started[flags]

    yield start
    for browser in started.values():
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    """Start a server; by default of the built site."""
    sites: list[Site] = []

    def start(root: Path | None = DIST, **options: Any) -> Site:
        assert root is None or (root / "index.html").is_file(), f"{root} holds no built site; run ./build.sh build"
        sites.append(Site(root, **options))
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


@pytest.fixture
def site(serve: Callable[..., Site]) -> Site:
    return serve()


@pytest.fixture
def visit(launch: Callable[..., Browser]) -> Iterator[Callable[..., Visit]]:
    """Open an address in a fresh profile, or in `context`; checks console and requests when the test ends."""
    visits: list[Visit] = []
    contexts: list[BrowserContext] = []

    def go(url: str, *, flags: tuple[str, ...] = (), context: BrowserContext | None = None, origins: set[str] = frozenset(), init: str = "", **options: Any) -> Visit:
        if context is None:
            context = launch(*flags).new_context(**options)
            contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        if init:
            page.add_init_script(init)
        parts = urlsplit(url)
        made = Visit(page, origins={f"{parts.scheme}://{parts.netloc}", *origins})
        visits.append(made)
        page.goto(url)
        return made

    yield go
    for made in visits:
        made.check()
    for context in contexts:
        context.close()
