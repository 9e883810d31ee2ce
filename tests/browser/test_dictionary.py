"""The second demonstration: a published collection that is read in pieces from the server of the page.

Must not know how it is laid out. Invariant under test: it is searched by meaning before model and piece table have come, only part of
it is read, and the page says how much.
"""

import re
import threading
from collections.abc import Callable

from playwright.sync_api import expect

from .conftest import DIST, Visit
from .site import Site
from .test_page import violations

QUERY = "an abnormal fear of closed spaces"
FOLDER = r"/files/dictionary-"


def choose(seen: Visit) -> None:
    seen.page.get_by_role("radio", name="Dictionary").check(force=True)


def test_a_word_is_found_by_its_meaning_before_the_model_has_come(site: Site, visit: Callable[..., Visit]) -> None:
    arrives = threading.Event()
    for file in (r"/files/all-MiniLM-L6-v2-[0-9a-f]", r"-pieces-"):
        site.fail(file, until=arrives)
    seen = visit(site.url)
    html = seen.page.locator("html")
    choose(seen)
    assert any("phobia" in row.lower() for row in seen.search(QUERY)[:5])
    expect(html).to_have_attribute("data-encoder", "static")
    expect(seen.page.locator("#state-text")).to_contain_text("by word vectors, language model")
    arrives.set()
    expect(html).to_have_attribute("data-model", "network")
    # With the model the collection needs the table as well, which comes in its own time.
    rows = seen.page.get_by_role("list", name="Results").get_by_role("listitem")
    while html.get_attribute("data-encoder") != "model":
        seen.page.get_by_role("searchbox").fill("")
        expect(rows).to_have_count(0)
        seen.page.get_by_role("searchbox").fill(QUERY)
        expect(rows).to_have_count(24)
    assert any("phobia" in row.lower() for row in seen.rows()[:5])


def test_little_of_it_is_read_and_that_is_said(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    choose(seen)
    seen.search(QUERY)
    state = seen.page.locator("#state-text")
    expect(state).to_contain_text("computed on this device")
    expect(state).to_contain_text("kB read")
    said = int(re.search(r"([\d,]+) kB read", state.inner_text())[1].replace(",", ""))  # type: ignore[index]
    read = sum(request.sent for request in site.requests(FOLDER))
    (segment,) = DIST.glob("files/dictionary-*/segment-*")
    assert said == -(-read // 1000)
    assert read < segment.stat().st_size / 4
    assert violations(seen) == []
    # What only a collection that is here whole can do is not offered.
    expect(seen.page.get_by_role("button", name="More like")).to_have_count(0)
