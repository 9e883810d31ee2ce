"""What the browser tests stand on: the built site served to a real Chromium.

Owns starting browser and server and watching the page. Must not know what a test looks for. Invariant: a visit fails
its test when anything unexpected was written to the console or any request went to another origin.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from chromium import FLAGS, chromium_path
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from .scripts import MODEL_STORED
from .site import Site

ROOT = Path(__file__).parents[2]
DIST = Path(os.environ.get("FINDLING_DIST", ROOT / "dist"))
TIMEOUT_MS = 60_000
MORE_FLAGS = tuple(os.environ.get("FINDLING_CHROMIUM_FLAGS", "").split())
"""Further flags for every Chromium: the same tests in a browser that lacks something."""
BACKEND = os.environ.get("FINDLING_BACKEND")
"""The engine tier that every visit asks for, unless its test names one."""

expect.set_options(timeout=TIMEOUT_MS)


def eventually(page: Page, script: str) -> None:
    """Wait until a script answers true; the page's own policy forbids Playwright's wait_for_function."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate(script):
        assert time.monotonic() < deadline, f"never true: {script}"
        page.evaluate("() => new Promise((next) => requestAnimationFrame(next))")


def choosing_backend(url: str) -> str:
    """`url` with the tier that every visit asks for."""
    parts = urlsplit(url)
    if not BACKEND or "backend=" in parts.query:
        return url
    return parts._replace(query="&".join(filter(None, [parts.query, f"backend={BACKEND}"]))).geturl()


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
        """Wait until the demonstration is open and the model loaded."""
        expect(self.page.locator("html")).to_have_attribute("data-ready", "")
        expect(self.page.locator("html")).to_have_attribute("data-model", re.compile("."))
        return self

    def model_stored(self) -> "Visit":
        """Wait until the model is stored whole, which goes on behind the first searches."""
        eventually(self.page, MODEL_STORED)
        return self

    def search(self, query: str) -> list[str]:
        """Type a query; the rows of its answer."""
        self.page.get_by_role("searchbox").fill(query)
        self.answered(query)
        return self.rows()

    def answered(self, query: str) -> None:
        html = self.page.locator("html")
        expect(html).to_have_attribute("data-answered", query)
        # What fits on the screen comes first, the rest when typing pauses.
        expect(html).to_have_attribute("data-part", "false")

    def failed(self, code: str, part: str) -> None:
        """Wait until the page says that something failed, with this code and these words."""
        expect(self.page.get_by_role("alert")).to_be_visible()
        expect(self.page.locator("#problem-code")).to_have_text(code)
        expect(self.page.locator("#problem-text")).to_contain_text(part)

    def drop(self, *files: dict[str, str]) -> None:
        """Drop files on the page, each with a name and a text, or with the base64 of its bytes."""
        script = """(files) => {
          const carried = new DataTransfer();
          const content = ({text, base64}) => base64 ? Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0)) : text;
          for (const file of files) carried.items.add(new File([content(file)], file.name));
          for (const type of ['dragenter', 'dragover', 'drop'])
            document.body.dispatchEvent(new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true}));
        }"""
        self.page.evaluate(script, list(files))

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
            started[flags] = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *MORE_FLAGS, *flags])
        return started[flags]

    yield start
    for browser in started.values():
        browser.close()


@pytest.fixture
def denied(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A profile in which every site is refused storage."""
    (tmp_path / "Default").mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings), encoding="utf-8")
    context = playwright.chromium.launch_persistent_context(str(tmp_path), executable_path=chromium_path(), args=FLAGS)
    yield context
    context.close()


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

    def go(
        url: str,
        *,
        flags: tuple[str, ...] = (),
        context: BrowserContext | None = None,
        origins: frozenset[str] = frozenset(),
        init: str = "",
        **options: Any,
    ) -> Visit:
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
        page.goto(choosing_backend(url))
        return made

    yield go
    for made in visits:
        made.check()
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def demo() -> str:
    """The demonstration's index, relative to the root of the built site."""
    (build,) = DIST.glob("v-*/build.js")
    script = "const {build} = await import(process.argv[1]); console.log(build.demo.url)"
    read = subprocess.run(
        ["node", "--input-type=module", "-e", script, build.as_uri()], capture_output=True, text=True, check=True
    )
    return (build.parent / read.stdout.strip()).resolve().relative_to(DIST.resolve()).as_posix()


@pytest.fixture
def update_golden() -> bool:
    """Whether golden files are written anew instead of compared."""
    return os.environ.get("UPDATE_GOLDEN") == "1"
