"""An index of another place, opened by `?index=`: offered first, chosen, read from its server, and its bytes told.

Must not know how an index is laid out. Invariant under test: the page says how much it has read, and an index that is not
there leaves the rest of the page usable.
"""

from collections.abc import Callable

from playwright.sync_api import expect

from .conftest import Visit
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
