"""An index of another place, opened by `?index=`: offered first, chosen, read from its server, and its bytes told.

Must not know how an index is laid out. Invariant under test: the page says how much it has read, and an index that is not
there leaves the rest of the page usable.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from findling.serve import server

from .conftest import DIST, ROOT, Visit
from .site import Site

QUERY = "feeling sick with a fever"


def test_an_index_given_in_the_address_is_chosen_and_its_bytes_are_told(
    site: Site, visit: Callable[..., Visit], demo: str
) -> None:
    seen = visit(f"{site.url}?index={demo}").ready()
    chosen = seen.page.get_by_role("radio").first
    expect(chosen).to_be_checked()
    assert chosen.get_attribute("value") == "site"
    expect(seen.page.locator("#title-site")).to_have_text("Emoji")
    assert "🤒" in seen.search(QUERY)[0]
    read = sum(request.sent for request in site.requests(demo)) // 1000 + 1
    expect(seen.page.locator("#state-text")).to_contain_text(f"computed on this device · {read:,} kB read")


def test_an_index_that_is_not_there_leaves_the_others_usable(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?index=gone.findling")
    seen.expect_console("404")
    seen.failed("not_found", "gone.findling")
    seen.page.get_by_role("radio", name="Emoji").check()
    assert "🤒" in seen.search(QUERY)[0]
    expect(seen.page.get_by_role("alert")).to_be_hidden()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    """The address at which `findling serve` shows a published collection of two notes."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/boat.txt").write_text("A small boat floats on calm water.", "utf-8")
    (tmp_path / "notes/tower.txt").write_text("The keeper lights the lamp when it gets dark.", "utf-8")
    # A process of its own: Playwright's loop runs in this one.
    subprocess.run([sys.executable, "-m", "findling", "build", str(tmp_path / "notes"), "-o", str(tmp_path / "out"), "--quiet"], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "py")})
    running = server(DIST, mounts={"index": tmp_path / "out"})
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/?index=index/collection.findling"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.mark.simd
def test_the_page_that_is_served_over_a_collection_of_ones_own_searches_it(own: str, visit: Callable[..., Visit]) -> None:
    seen = visit(own).ready()
    assert "boat" in seen.search("something that swims")[0]
    assert "tower" in seen.search("who turns on the light")[0]
