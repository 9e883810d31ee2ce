"""What narrows a search down on the page: values that are picked, others like a hit, and the way back from a corrected word.

Must not know how anything is counted. Invariant under test: what holds is shown, heard and can be taken away by keys alone.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Visit
from .site import Site
from .test_page import violations

QUERY = "feeling sick with a fever"


def chip(seen: Visit, field: str, name: str) -> Locator:
    return seen.page.get_by_role("toolbar", name=field, exact=True).get_by_role("button", name=name)


def number(text: str) -> int:
    return int(text.split()[-1].replace(",", ""))


def test_values_are_counted_picked_joined_and_taken_away(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    everything = seen.search(QUERY)
    people = chip(seen, "kind", "people & body")
    counted = number(people.inner_text())
    people.click()
    rows = seen.page.get_by_role("list", name="Results").get_by_role("listitem")
    expect(rows.filter(has_not_text="People & body")).to_have_count(0)
    expect(people).to_have_attribute("aria-pressed", "true")
    # Its own field is counted as before, so that a second value can be added.
    assert number(people.inner_text()) == counted
    chip(seen, "kind", "objects").click()
    active = seen.page.get_by_role("list", name="Active filters").get_by_role("button")
    expect(active).to_have_count(3)
    assert violations(seen) == []
    seen.page.get_by_role("button", name="Remove kind: objects").click()
    expect(seen.page.get_by_role("button", name="Remove kind: people & body")).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(active).to_have_count(0)
    expect(seen.page.get_by_role("searchbox")).to_be_focused()
    expect(rows).to_have_count(len(everything))


@pytest.mark.once
def test_a_filter_alone_lists_what_passes_and_goes_with_the_collection(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.search(QUERY)
    chip(seen, "kind", "food & drink").click()
    seen.page.get_by_role("searchbox").fill("")
    rows = seen.page.get_by_role("list", name="Results").get_by_role("listitem")
    expect(rows).to_have_count(24)
    expect(rows.filter(has_not_text="Food & drink")).to_have_count(0)
    seen.page.get_by_role("radio", name="My files").check(force=True)
    expect(seen.page.get_by_role("list", name="Active filters")).to_be_hidden()
    expect(seen.page.locator("#facets")).to_be_hidden()


def test_fields_of_own_files_become_filters_once_they_are_added(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    rows = "".join(f'{{"title": "Entry {n}", "text": "number {n} of a list", "colour": "{"red" if n % 3 else "blue"}", "code": "c{n}"}}\n' for n in range(9))
    seen.drop({"name": "list.jsonl", "text": rows})
    expect(seen.page.locator("#count-files")).to_have_text("9")
    seen.search("an entry of a list")
    # A value of its own for each document is nothing to pick by.
    assert [each.get_attribute("aria-labelledby") for each in seen.page.locator("#facets [role=toolbar]").all()] == ["facet-colour"]
    chip(seen, "colour", "blue").click()
    expect(seen.page.get_by_role("list", name="Results").get_by_role("listitem")).to_have_count(3)


def test_others_like_a_hit_are_found_and_the_way_back_leads_to_what_was_typed(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.search("lost my keys")
    seen.page.get_by_role("button", name="More like old key").click()
    back = seen.page.get_by_role("button", name="Remove like: old key")
    expect(back).to_be_focused()
    expect(seen.page.get_by_role("searchbox")).to_have_value("")
    names = [row.split("\n")[1] for row in seen.rows()]
    assert "old key" not in [name.lower() for name in names]
    assert names[0].lower() == "key"
    assert violations(seen) == []
    seen.page.keyboard.press("Enter")
    expect(seen.page.get_by_role("searchbox")).to_have_value("lost my keys")
    seen.answered("lost my keys")
    expect(seen.page.get_by_role("list", name="Active filters")).to_be_hidden()


@pytest.mark.once
def test_typing_ends_the_search_for_others_like_a_hit(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.search("lost my keys")
    seen.page.get_by_role("button", name="More like old key").click()
    expect(seen.page.get_by_role("button", name="Remove like: old key")).to_be_visible()
    assert "🤒" in " ".join(seen.search(QUERY)[:5])
    expect(seen.page.get_by_role("list", name="Active filters")).to_be_hidden()


def test_a_corrected_word_is_said_and_can_be_searched_as_typed(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    said = seen.page.locator("#corrected")
    seen.search("termometer")
    expect(said).to_contain_text("Searched for thermometer instead of termometer.")
    expect(seen.page.get_by_role("status")).to_contain_text("thermometer instead of termometer")
    assert violations(seen) == []
    seen.page.get_by_role("button", name="Search as typed").click()
    expect(said).to_be_hidden()
    expect(seen.page.get_by_role("searchbox")).to_be_focused()
    seen.search("termometer in winter")
    expect(said).to_contain_text("instead of termometer")


@pytest.mark.once
def test_on_a_phone_the_filters_unfold_and_nothing_overflows(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, viewport={"width": 360, "height": 740}, has_touch=True).ready()
    seen.search("termometer")
    facets = seen.page.locator("#facets")
    toggle = seen.page.get_by_role("button", name="Filters")
    expect(facets).to_be_hidden()
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(facets).to_be_visible()
    chip(seen, "kind", "objects").click()
    small = """() => [...document.querySelectorAll('button')].map((each) => [each.textContent.trim(), (each.closest('li:has(.title)') ?? each).getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    assert seen.page.evaluate(small) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
