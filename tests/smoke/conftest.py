"""What the smoke tests stand on: the built site in Firefox and in WebKitGTK.

Owns what is done in a page and waited for. Must not know what a test looks for. Invariant: nothing is waited for but what the page
says of itself.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.site import Site  # noqa: E402

from .drivers import Driver, Firefox, WebKit  # noqa: E402

ROOT = Path(__file__).parents[2]
DIST = Path(os.environ.get("FINDLING_DIST", ROOT / "dist"))
WAIT = """
const done = arguments[arguments.length - 1];
const wanted = arguments[0];
const look = () => {
  const {dataset} = document.documentElement;
  const problem = document.getElementById("problem");
  if (problem && !problem.hidden) done({problem: problem.innerText});
  else if (Object.entries(wanted).every(([name, value]) => (value === null ? dataset[name] : dataset[name] === value))) done({...dataset});
  else setTimeout(look, 20);
};
look();
"""
ROWS = """
arguments[arguments.length - 1]([...document.querySelectorAll("#hits > li")].map((row) => row.innerText));
"""
TYPE = """
const input = document.getElementById("query");
input.value = arguments[0];
input.dispatchEvent(new Event("input", {bubbles: true}));
arguments[arguments.length - 1]();
"""
DROP = """
const carried = new DataTransfer();
carried.items.add(new File([arguments[1]], arguments[0]));
for (const type of ["dragenter", "dragover", "drop"])
  document.body.dispatchEvent(new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true}));
arguments[arguments.length - 1]();
"""
CLICK = """
document.querySelector(arguments[0]).click();
arguments[arguments.length - 1]();
"""


class Seen:
    """The page in one of the browsers."""

    def __init__(self, driver: Driver, site: Site) -> None:
        self.site = site
        self._driver = driver

    def open(self, path: str = "") -> None:
        """Go to an address of the site."""
        self._driver.open(self.site.url + path)

    def until(self, **wanted: str | None) -> dict[str, str]:
        """What the page says of itself once it says this; None stands for anything."""
        told: dict[str, str] = self._driver.run(WAIT, wanted)
        assert "problem" not in told, told["problem"]
        return told

    def search(self, query: str) -> list[str]:
        """The rows of the answer to what is typed."""
        self._driver.run(TYPE, query)
        return self.answer(query)

    def answer(self, query: str) -> list[str]:
        """The rows of the answer to a query that was asked."""
        self.until(answered=query, part="false")
        rows: list[str] = self._driver.run(ROWS)
        return rows

    def drop(self, name: str, text: str) -> None:
        """Drop a file on the page."""
        self._driver.run(DROP, name, text)

    def click(self, selector: str) -> None:
        """Click what a selector finds."""
        self._driver.run(CLICK, selector)

    def wait(self, expression: str) -> None:
        """Wait until an expression, or the promise it is, comes to true in the page."""
        self.value(f"new Promise((done) => {{ const look = async () => ((await ({expression})) ? done(true) : setTimeout(look, 20)); look(); }})")

    def value(self, expression: str) -> Any:
        """What an expression, or the promise it is, comes to in the page."""
        return self._driver.run(f"Promise.resolve({expression}).then(arguments[arguments.length - 1]);")


@pytest.fixture(scope="session", params=[Firefox, WebKit], ids=["firefox", "webkit"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """Each of the browsers, one after the other."""
    start: Callable[[], Driver] = request.param
    started = start()
    yield started
    started.stop()


@pytest.fixture
def seen(driver: Driver) -> Iterator[Seen]:
    """A site of its own origin, so with nothing stored, and a browser to look at it."""
    assert (DIST / "index.html").is_file(), f"{DIST} holds no built site; run ./build.sh build"
    site = Site(DIST)
    yield Seen(driver, site)
    driver.open("about:blank")
    site.stop()
