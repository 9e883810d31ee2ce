"""What the demonstration finds by meaning, on every engine tier.

Owns the queries and the answers that are accepted. Must not know how they are ranked. Invariant: by the leg of meaning alone
an accepted emoji is among the first five, whichever tier computes.
"""

from collections.abc import Callable

import pytest

from .conftest import Visit
from .site import Site

QUERIES = {
    "feeling sick with a fever": "🤒",
    "vehicle that flies to the moon": "🚀",
    "celebrating a birthday": "🎂 🥳 🎈",
    "I cannot stop yawning": "🥱",
    "place where you borrow books": "📚 📖",
    "lost my keys": "🔑 🗝️",
    "fish that can kill swimmers": "🦈",
    "frozen dessert on a hot day": "🍨 🍦 🍧",
    "putting money into an account": "🏦 💳",
    "dancing all night": "💃 🕺",
    "crawling baby": "👶 🚼",
    "stormy weather with lightning": "⛈️ 🌩️",
    "exercise with heavy weights": "🏋️",
    "magic wizard spell": "🧙 🪄",
    "chess game piece": "♟️",
    "washing hands": "🧼",
    "green light, go": "🟢",
}
SIMD_OFF = "--js-flags=--no-enable-sse4_1"


def misses(visit: Visit) -> dict[str, list[str]]:
    """The queries without an accepted emoji among the first five, and what came instead."""
    found = {}
    for query, accepted in QUERIES.items():
        first = [row.split()[0] for row in visit.search(query)[:5]]
        if not {glyph.rstrip("\ufe0f") for glyph in first} & {glyph.rstrip("\ufe0f") for glyph in accepted.split()}:
            found[query] = first
    return found


SIMD_TIERS = [pytest.param(name, marks=pytest.mark.simd) for name in ("wasm-relaxed", "wasm-simd")]


@pytest.mark.parametrize("backend", [*SIMD_TIERS, "wasm-scalar", "js"])
def test_each_tier_chosen_by_hand_finds_by_meaning(site: Site, visit: Callable[..., Visit], backend: str) -> None:
    seen = visit(f"{site.url}?legs=meaning&backend={backend}").ready()
    assert misses(seen) == {}
    assert seen.page.locator("html").get_attribute("data-backend") == backend
    assert f"· {backend} ·" in seen.page.locator("#state-text").inner_text()


@pytest.mark.simd
def test_the_fastest_tier_is_chosen_where_everything_works(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    assert seen.page.locator("html").get_attribute("data-backend") == "wasm-relaxed"
    assert [seen.foreign, site.requests(r"scalar|simd")] == [[], []]


def test_without_simd_a_tier_that_works_is_chosen(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?legs=meaning", flags=(SIMD_OFF,)).ready()
    assert seen.page.locator("html").get_attribute("data-backend") in ("wasm-scalar", "js")
    assert misses(seen) == {}


def test_without_simd_the_js_tier_can_be_chosen_by_hand(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?legs=meaning&backend=js", flags=(SIMD_OFF,)).ready()
    assert seen.page.locator("html").get_attribute("data-backend") == "js"
    assert misses(seen) == {}


def test_without_simd_and_without_the_scalar_file_js_is_chosen(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(r"scalar", status=404)
    seen = visit(f"{site.url}?legs=meaning", flags=(SIMD_OFF,))
    seen.expect_console("404")
    seen.ready()
    assert seen.page.locator("html").get_attribute("data-backend") == "js"
    assert misses(seen) == {}


def test_a_tier_that_this_browser_lacks_is_refused_by_name(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?backend=wasm-simd", flags=(SIMD_OFF,))
    seen.failed("unsupported", "SIMD")
