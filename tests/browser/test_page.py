"""The page in a person's hands: typing, walking by keys, adding files, reading it with a screen reader.

Owns what is seen and heard. Must not know how hits are ranked. Invariant: what a document says is shown as text, and
whatever was chosen is either added or listed with the reason.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, expect

from .conftest import ROOT, Visit, eventually
from .site import Site

QUERY = "feeling sick with a fever"
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
NOTES = {
    "name": "notes.md",
    "text": "# Bread\n\nLet the dough rise overnight in a cool place.\n\n# Bicycle\n\nThe chain needs oil once a month, and air in the tyres.",
}


def violations(visit: Visit) -> list[Any]:
    visit.page.evaluate(AXE)
    found: list[Any] = visit.page.evaluate(
        "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.target)])"
    )
    return found


def test_the_beginning_of_a_word_finds_it_and_a_finished_one_does_not(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?legs=words").ready()
    assert "Thermometer" in seen.search("thermome")[0]
    seen.page.get_by_role("searchbox").press("Enter")
    expect(seen.page.get_by_text("Nothing in this collection is close to “thermome”.")).to_be_visible()


def test_a_dropped_file_is_found_by_paraphrase(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop(NOTES)
    expect(seen.page.locator("#count-files")).to_have_text("2")
    expect(seen.page.get_by_role("radio", name="My files")).to_be_checked()
    first = seen.search("looking after a two-wheeler")[0]
    assert "Bicycle" in first
    assert "The chain needs oil" in first
    assert [each.path for each in site.log if "notes" in each.path] == []


def test_a_hit_tells_where_in_its_file_it_stands(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    cues = "WEBVTT\n\n01:02:03.000 --> 01:02:05.000\nThe lighthouse keeper waves from the tower.\n"
    seen.drop({"name": "film.vtt", "text": cues}, {"name": "plan.md", "text": "# House\n\nAll about it.\n\n## Roof\n\nThe tiles leak when it rains."})
    expect(seen.page.locator("#count-files")).not_to_have_text("0")
    groups = seen.page.locator("#hits .group")
    seen.search("lighthouse keeper")
    expect(groups.first).to_have_text("film.vtt · 1:02:03")
    seen.search("leaking tiles on the roof")
    expect(groups.first).to_contain_text("plan.md")


def test_picked_files_of_every_format_are_added_and_searched(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    files = {
        "a.txt": "Whales are the largest animals in the sea.",
        "b.md": "# Volcano\n\nLava flows down the mountain after an eruption.",
        "c.json": '{"title": "Piano", "text": "An instrument with black and white keys."}',
        "d.jsonl": '{"title": "Bees", "text": "They make honey from flowers."}\n',
        "e.csv": "title,text\nPassport,A document for crossing borders\n",
    }
    payload = [FilePayload(name=name, mimeType="", buffer=text.encode()) for name, text in files.items()]
    seen.page.locator("#picker").set_input_files(payload)
    expect(seen.page.locator("#count-files")).to_have_text("5")
    for query, part in {
        "huge creature of the ocean": "a.txt",
        "playing music": "Piano",
        "papers for travelling abroad": "Passport",
    }.items():
        assert part in seen.search(query)[0]


@pytest.mark.once
def test_files_that_cannot_be_read_are_listed_with_the_reason(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop(NOTES, {"name": "broken.json", "text": '{"a":'}, {"name": "program.exe", "text": "no picture"})
    listed = seen.page.get_by_role("list", name="Files that were not added").get_by_role("listitem")
    expect(listed).to_have_count(2)
    assert "broken.json" in listed.all_inner_texts()[0]
    assert "JSON" in listed.all_inner_texts()[0]
    assert "program.exe" in listed.all_inner_texts()[1]
    seen.page.get_by_role("button", name="Dismiss").click()
    expect(seen.page.locator("#import")).to_be_hidden()


def test_adding_shows_progress_leaves_search_alive_and_can_be_cancelled(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    row = '{"title": "Entry %d", "text": "%s"}\n'
    many = "".join(
        row % (number, f"number {number} of a long list of entries, each with its own few words. " * 8) for number in range(4_000)
    )
    seen.drop({"name": "many.jsonl", "text": many}, {"name": "late.txt", "text": "Never reached."})
    bar = seen.page.get_by_role("progressbar", name="Adding files")
    eventually(seen.page, "() => { const {value} = document.querySelector('#import-bar'); return value > 0 && value < 1; }")
    assert "🤒" in " ".join(seen.search(QUERY)[:5])
    seen.page.get_by_role("button", name="Cancel").click()
    expect(bar).to_be_hidden()
    expect(seen.page.get_by_role("list", name="Files that were not added")).to_contain_text("cancelled")
    added = int(seen.page.locator("#count-files").inner_text().replace(",", ""))
    assert 0 < added < 4_000
    assert len(seen.search("an entry of the list")) == min(added, 24)


def test_collections_are_switched_and_answer_for_themselves(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop(NOTES)
    expect(seen.page.locator("#count-files")).to_have_text("2")
    assert len(seen.search("bread")) == 2
    seen.page.get_by_role("radio", name="Emoji").check()
    expect(seen.page.get_by_role("list", name="Results").get_by_role("listitem")).to_have_count(24)
    assert "🍞" in " ".join(seen.rows()[:3])


@pytest.mark.once
def test_the_page_is_walked_by_keys_alone(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    page = seen.page
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Search by meaning")
    expect(box).to_be_focused()
    page.keyboard.type("lost my keys")
    seen.answered("lost my keys")
    controls = page.locator("#hits .title")
    page.keyboard.press("ArrowDown")
    expect(controls.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(controls.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(controls.nth(23)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(box).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="Emoji")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add files")).to_be_focused()
    # The values of a field are one stop, and arrows walk through them.
    chips = page.get_by_role("toolbar", name="kind", exact=True).get_by_role("button")
    page.keyboard.press("Tab")
    expect(chips.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chips.nth(1)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("list", name="Active filters")).to_be_visible()
    expect(page.locator("#facets [aria-pressed=true]")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("list", name="Active filters")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.get_by_role("toolbar", name="subgroup").get_by_role("button").nth(0)).to_be_focused()
    page.keyboard.press("Tab")
    expect(controls.nth(0)).to_be_focused()
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()


@pytest.mark.once
def test_an_emoji_is_copied(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, permissions=["clipboard-read", "clipboard-write"]).ready()
    seen.search(QUERY)
    seen.page.get_by_role("list", name="Results").get_by_role("button").first.click()
    expect(seen.page.get_by_role("status")).to_contain_text("Copied")
    assert seen.page.evaluate("navigator.clipboard.readText()") == seen.rows()[0].split()[0]


@pytest.mark.once
def test_the_number_of_results_is_announced_when_typing_rests(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.page.get_by_role("searchbox").press_sequentially(QUERY)
    expect(seen.page.get_by_role("status")).to_have_text("24 results")


@pytest.mark.once
def test_a_query_behind_the_hash_is_answered_and_never_sent(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}#q=lost+my+keys").ready()
    seen.answered("lost my keys")
    assert seen.page.get_by_role("searchbox").input_value() == "lost my keys"
    assert not [each for each in site.log if "keys" in each.path]


@pytest.mark.once
def test_what_a_document_says_stays_text(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    hostile = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"
    row = f'{{"title": "{hostile}", "text": "{hostile} harmless words", "url": "javascript:window.hurt=1"}}'
    seen.drop({"name": "hostile.jsonl", "text": row})
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert hostile in seen.search("harmless words")[0]
    results = seen.page.get_by_role("list", name="Results")
    assert results.locator("img, script, a").count() == 0
    assert results.locator(".snippet mark").all_inner_texts() == ["harmless", "words"]
    results.get_by_role("button").first.click()
    assert seen.page.evaluate("window.hurt") is None


@pytest.mark.once
def test_an_empty_query_shows_examples_that_can_be_tried(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.page.get_by_role("button", name="place where you borrow books").click()
    seen.answered("place where you borrow books")
    assert "📚" in " ".join(seen.rows()[:5])
    seen.page.get_by_role("searchbox").fill("")
    expect(seen.page.get_by_role("list", name="Examples")).to_be_visible()
    expect(seen.page.get_by_role("list", name="Results")).to_be_hidden()


@pytest.mark.once
def test_the_licences_come_with_the_site(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url)
    link = seen.page.get_by_role("link", name="Licences").get_attribute("href")
    for name, part in ((link, "emojibase-data"), ("LICENSE.txt", "Apache License"), ("LICENSE-wordnet.txt", "Princeton")):
        reply = seen.page.request.get(f"{site.url}{name}")
        assert reply.ok
        assert part in reply.text()


@pytest.mark.once
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(site: Site, visit: Callable[..., Visit], scheme: str) -> None:
    seen = visit(site.url, color_scheme=scheme)
    assert violations(seen) == []
    seen.ready()
    assert violations(seen) == []
    seen.search(QUERY)
    assert violations(seen) == []
    seen.drop(NOTES, {"name": "program.exe", "text": "no picture"})
    expect(seen.page.locator("#count-files")).to_have_text("2")
    seen.search("bread")
    assert violations(seen) == []


@pytest.mark.once
def test_targets_are_large_enough_for_fingers_and_nothing_overflows_a_phone(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, viewport={"width": 360, "height": 740}, has_touch=True).ready()
    seen.search(QUERY)
    small = """() => [...document.querySelectorAll('button, a[href], input:not([hidden]), .switch label')]
      .map((each) => [each.id || each.textContent.trim(), (each.closest('li:has(.title)') ?? each).getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    assert seen.page.evaluate(small) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.once
def test_nothing_moves_while_the_page_starts_and_answers(site: Site, visit: Callable[..., Visit]) -> None:
    watch = """
      window.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
      }).observe({type: 'layout-shift', buffered: true});
    """
    seen = visit(f"{site.url}#q=lost+my+keys", init=watch).ready()
    seen.answered("lost my keys")
    assert sum(seen.page.evaluate("window.shifts")) < 0.01


@pytest.mark.once
@pytest.mark.parametrize("width", [390, 1280])
def test_the_picture_in_the_readme_is_of_this_page(
    site: Site, visit: Callable[..., Visit], width: int, update_golden: bool
) -> None:
    seen = visit(site.url, viewport={"width": width, "height": 760}).ready()
    # The first search finds the engine cold; the picture shows what a second one takes.
    seen.search("lost my keys")
    seen.search(QUERY)
    seen.page.evaluate("document.activeElement.blur()")
    taken = seen.page.screenshot()
    path: Path = ROOT / "docs" / "images" / f"page-{width}.png"
    if update_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(taken)
    # Fonts differ between machines, so only the size in the header of the picture is compared.
    assert path.read_bytes()[16:24] == taken[16:24]


def test_a_hit_that_stays_keeps_its_row_and_shows_its_new_score(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    first = seen.search("lost my keys")[0].split("\n")
    seen.page.evaluate("document.querySelector('#hits li').seen = true")
    rows = [row.split("\n") for row in seen.search("lost my keys now")]
    at = next(number for number, row in enumerate(rows) if row[:2] == first[:2])
    assert seen.page.evaluate("[...document.querySelectorAll('#hits li')].map((row) => Boolean(row.seen))") == [
        number == at for number in range(len(rows))
    ]
    assert rows[at] != first
