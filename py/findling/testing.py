"""A plugin for pytest: one's own page with a `<findling-search>`, served and searched in a headless browser.

Owns the server, the browser and what a search on a page gives. Must not know what is on the page beside the element. Invariant: a
page is served with nothing but the folder, the collections and Findling's own files; whatever it asks of others is in `foreign`.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TIMEOUT_S = 60.0
"""The first search on a page starts everything: some seconds on a slow machine."""
FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
ELEMENT = "findling-search"
SITE, INDEX = "findling", "index"
"""Where Findling's own files and the collection are on the server: /findling/define.js, /index/collection.findling."""

_ASK = """async ([selector, query, timeout_ms]) => {
  const late = (what) => new Promise((_, reject) => setTimeout(() => reject(new Error(what)), timeout_ms));
  const element = document.querySelector(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  await Promise.race([customElements.whenDefined(element.localName), late(`<${element.localName}> was never defined: does the page load define.js?`)]);
  const answered = new Promise((resolve, reject) => {
    element.addEventListener("findling-results", ({ detail }) => detail.query === query && resolve(detail.hits));
    element.addEventListener("findling-error", ({ detail }) => reject(new Error(`${detail.message} [${detail.code}]`)));
  });
  window.findlingAnswered = Promise.race([answered, late(`nothing was answered to ${JSON.stringify(query)}`)]);
  window.findlingAnswered.catch(() => undefined);
}"""


@dataclass(frozen=True, slots=True)
class PageHit:
    """One row that the page shows: what the person reads, and the document behind it as an object of fields."""

    id: str
    title: str
    snippet: str
    url: str
    score: float
    document: dict[str, Any]


class SearchPage:
    """A page that is open in a browser. `page` is Playwright's, for everything else that is to be done with it."""

    def __init__(self, page: "Page", url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        """What the page wrote to its console as an error, and what it did not catch."""
        self.foreign: list[str] = []
        """The addresses that were asked of any other server."""
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.on("request", lambda request: self._look(request.url))
        page.goto(url)

    def search(self, query: str, *, element: str = ELEMENT, timeout_s: float = TIMEOUT_S) -> list[PageHit]:
        """Type a query into the element that a CSS selector names; what it then shows, best first.

        Raises Playwright's `Error` with the reason where the page has no such element, or the search fails or takes too long.
        """
        asked = " ".join(query.split())
        self.page.evaluate(_ASK, [element, asked, timeout_s * 1000])
        # A space says that the last word is finished, so that it stands for itself and not for all that begin like it.
        self.page.locator(f"{element} input").first.fill(f"{asked} ", timeout=timeout_s * 1000)
        return [_hit(each) for each in self.page.evaluate("() => window.findlingAnswered")]

    def _look(self, url: str) -> None:
        parts, own = urlsplit(url), urlsplit(self.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != own.netloc:
            self.foreign.append(url)


def _hit(hit: dict[str, Any]) -> PageHit:
    document = hit["document"]
    title, snippet = ("".join(piece["text"] for piece in hit[key]) for key in ("title_pieces", "snippet"))
    return PageHit(hit["id"], title or hit["id"], snippet, document["url"], hit["score"], document)


@pytest.fixture(scope="session")
def findling_browser(request: pytest.FixtureRequest) -> Iterator["Browser"]:
    """The browser of `findling_page`: that of pytest-playwright where it is installed, else Chromium by Playwright. Override it for another.

    Chromium is the one in the variable FINDLING_CHROMIUM, else the one of `playwright install chromium`, else the system's.
    """
    try:
        yield request.getfixturevalue("browser")
        return
    except pytest.FixtureLookupError:
        pass
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("findling_page needs Playwright: pip install playwright, then playwright install chromium")
    with sync_playwright() as playwright:
        path = os.environ.get("FINDLING_CHROMIUM")
        if not path and not Path(playwright.chromium.executable_path).exists():
            path = shutil.which("chromium") or shutil.which("google-chrome")
        # A browser refuses to run as root with a sandbox.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *root])
        yield started
        started.close()


@pytest.fixture
def findling_page(findling_browser: "Browser") -> Iterator[Callable[..., SearchPage]]:
    """`findling_page(folder, index=..., path="", mounts={})` serves a folder and opens a page of it.

    On the server Findling's files are below /findling/ (so /findling/define.js), the index file or folder `index` below /index/ (so
    /index/collection.findling, or /index/ and the name of the file), and each of `mounts` below its name. `path` is the page's.
    """
    from findling import installed
    from findling.serve import server

    endings: list[Callable[[], None]] = []

    def opened(
        folder: str | Path, *, index: str | Path | None = None, path: str = "", mounts: Mapping[str, str | Path] | None = None
    ) -> SearchPage:
        places = {SITE: installed.site(), **({INDEX: Path(index)} if index is not None else {})}
        places |= {name: Path(each) for name, each in (mounts or {}).items()}
        running = server(folder, mounts=places, policy="")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()

        def stop() -> None:
            running.shutdown()
            running.server_close()
            thread.join()

        endings.append(stop)
        context = findling_browser.new_context()
        endings.append(context.close)
        return SearchPage(context.new_page(), urljoin(f"http://127.0.0.1:{running.server_port}/", path))

    yield opened
    for end in reversed(endings):
        end()
