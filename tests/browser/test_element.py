"""<findling-search> on somebody else's site: another origin, no policy of ours, nothing but one script tag.

Owns the pages it is put on. Must not know the page of this project. Invariant: nothing is fetched before the first
focus but the element's own modules, and no worker outlives the last element.
"""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from .conftest import Visit, eventually
from .site import Site
from .test_page import violations

QUERY = "feeling sick with a fever"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Another site</title>
<meta name="color-scheme" content="light dark"><link rel="icon" href="icon.svg">
<script type="module" src="{script}"></script></head><body><main><h1>Another site</h1>{body}</main></body></html>"""
ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def host(serve: Callable[..., Site], visit: Callable[..., Visit], demo: str) -> Callable[..., tuple[Visit, Site]]:
    """Open a page of another origin with these elements; {src} is the address of the demonstration's index."""

    def go(body: str, **options: Any) -> tuple[Visit, Site]:
        ours = serve(cors=True)
        text = PAGE.format(script=urljoin(ours.url, "define.js"), body=body.replace("{src}", urljoin(ours.url, demo)))
        theirs = serve(None, policy=None, pages={"/index.html": text, "/icon.svg": ICON})
        seen = visit(theirs.url.replace("localhost", "127.0.0.1"), origins=frozenset({ours.url.rstrip("/")}), **options)
        seen.page.wait_for_load_state("networkidle")
        return seen, ours

    return go


def workers(page: Page, number: int) -> None:
    """Wait until so many workers run."""
    eventually_python(page, lambda: len(page.workers) == number)


def eventually_python(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        page.evaluate("() => new Promise((next) => requestAnimationFrame(next))")
    raise AssertionError("never true")


def test_it_searches_on_a_page_of_another_origin(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, ours = host('<findling-search src="{src}" label="Find an emoji"></findling-search>')
    assert not [each.path for each in ours.log if each.path.startswith("/files/") or each.path.endswith("worker.js")]
    assert seen.page.workers == []
    box = seen.page.get_by_role("combobox", name="Find an emoji")
    box.click()
    box.press_sequentially(QUERY)
    options = seen.page.get_by_role("listbox", name="Results").get_by_role("option")
    expect(seen.page.get_by_role("option", name="thermometer").first).to_be_visible()
    expect(options).to_have_count(8)
    expect(box).to_have_attribute("aria-expanded", "true")
    workers(seen.page, 1)


def test_two_on_one_page_share_a_worker_and_answer_for_themselves(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, ours = host(
        '<findling-search src="{src}" label="Left" limit="3"></findling-search><findling-search src="{src}" label="Right" limit="2"></findling-search>'
    )
    for name, query, count in (("Left", "lost my keys", 3), ("Right", "chess game piece", 2)):
        seen.page.get_by_role("combobox", name=name).fill(query)
        expect(seen.page.get_by_role("listbox", name="Results").get_by_role("option")).to_have_count(count)
    expect(seen.page.get_by_role("option").first).to_contain_text("chess")
    workers(seen.page, 1)
    assert len(ours.requests(r"/files/.*emoji")) == 1


def test_it_is_removed_moved_and_added_again_without_a_worker_left(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host('<findling-search src="{src}" label="Find"></findling-search><aside></aside>')
    box = seen.page.get_by_role("combobox", name="Find")
    box.fill("lost my keys")
    expect(seen.page.get_by_role("option").first).to_be_visible()
    workers(seen.page, 1)
    seen.page.evaluate("document.querySelector('aside').append(document.querySelector('findling-search'))")
    box.fill("chess game piece")
    expect(seen.page.get_by_role("option").first).to_contain_text("chess")
    seen.page.evaluate("window.removed = document.querySelector('findling-search'); window.removed.remove()")
    workers(seen.page, 0)
    seen.page.evaluate("document.querySelector('main').append(window.removed)")
    box.click()
    box.fill("washing hands")
    expect(seen.page.get_by_role("option").first).to_be_visible()
    workers(seen.page, 1)
    for _ in range(20):
        seen.page.evaluate("window.removed.remove(); document.querySelector('main').append(window.removed)")
    seen.page.evaluate("window.removed.remove()")
    workers(seen.page, 0)


@pytest.mark.once
def test_it_is_walked_by_keys_and_tells_the_page_what_was_chosen(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host('<findling-search src="{src}" label="Find"></findling-search>')
    page = seen.page
    page.evaluate("document.addEventListener('findling-select', ({detail}) => { window.chosen = detail.document.meta.emoji; })")
    page.keyboard.press("Tab")
    box = page.get_by_role("combobox", name="Find")
    expect(box).to_be_focused()
    # At once, so that no answer to the beginning of the words is taken for theirs.
    page.keyboard.insert_text("lost my keys")
    options = page.get_by_role("option")
    expect(options).to_have_count(8)
    expect(box).not_to_have_attribute("aria-activedescendant", "option-0")
    page.keyboard.press("ArrowDown")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "option-0")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.nth(7)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(options.nth(0)).to_be_hidden()
    expect(box).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(options.nth(0)).to_be_visible()
    page.keyboard.press("ArrowDown")
    glyph = options.nth(0).inner_text().split()[0]
    page.keyboard.press("Enter")
    assert page.evaluate("window.chosen") == glyph
    expect(options.nth(0)).to_be_hidden()


@pytest.mark.once
def test_enter_of_an_input_method_commits_nothing(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host('<findling-search src="{src}" label="Find"></findling-search>')
    page = seen.page
    page.evaluate("document.addEventListener('findling-select', () => { window.chosen = true; })")
    box = page.get_by_role("combobox", name="Find")
    box.fill("key")
    expect(page.get_by_role("option").first).to_be_visible()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Input.imeSetComposition", {"text": "かぎ", "selectionStart": 2, "selectionEnd": 2})
    page.keyboard.press("ArrowDown")
    enter = {"type": "rawKeyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    devtools.send("Input.dispatchKeyEvent", enter)
    assert page.evaluate("window.chosen") is None
    devtools.send("Input.insertText", {"text": "鍵"})
    expect(box).to_have_value("key鍵")
    assert page.evaluate("window.chosen") is None


@pytest.mark.once
def test_a_missing_index_is_said_inside_the_element_and_harms_nothing_else(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host('<findling-search src="{src}.missing" label="Find"></findling-search>')
    seen.expect_console("404")
    seen.page.get_by_role("combobox", name="Find").fill("anything")
    expect(seen.page.get_by_text("(not_found)")).to_be_visible()


@pytest.mark.once
def test_an_index_that_failed_once_is_opened_again_beside_another(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, ours = host(
        '<findling-search src="{src}?left" label="Left" limit="3"></findling-search><findling-search src="{src}" label="Right" limit="2"></findling-search>'
    )
    seen.expect_console("503")
    fault = ours.fail(r"/files/emoji.*\?left$", status=503)
    left, right = (seen.page.get_by_role("combobox", name=name) for name in ("Left", "Right"))
    left.focus()
    right.fill("chess game piece")
    expect(seen.page.get_by_role("option")).to_have_count(2)
    left.focus()
    expect(seen.page.get_by_text("(network)")).to_be_visible()
    fault.status = None
    left.fill("lost my keys")
    expect(seen.page.get_by_role("listbox", name="Results").get_by_role("option")).to_have_count(3)


@pytest.mark.once
def test_what_arrives_late_does_not_open_a_list_that_was_closed(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, ours = host(
        '<findling-search src="{src}" label="Left"></findling-search><findling-search src="{src}" label="Right"></findling-search>'
    )
    arrives = threading.Event()
    ours.fail(r"/files/emoji", times=1, until=arrives)
    left, right = (seen.page.get_by_role("combobox", name=name) for name in ("Left", "Right"))
    left.fill("lost my keys")
    expect(left).to_have_attribute("aria-expanded", "true")
    left.press("Escape")
    expect(left).to_have_attribute("aria-expanded", "false")
    # Asked after the other, so answered after it.
    right.fill("chess game piece")
    arrives.set()
    expect(seen.page.get_by_role("option").first).to_contain_text("chess")
    assert left.get_attribute("aria-expanded") == "false"


@pytest.mark.once
def test_without_src_it_says_what_is_missing(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host('<findling-search label="Find"></findling-search>')
    seen.page.get_by_role("combobox", name="Find").fill("anything")
    expect(seen.page.get_by_text("no src attribute")).to_be_visible()


@pytest.mark.once
def test_loading_the_script_twice_registers_once(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, ours = host('<findling-search src="{src}" label="Find"></findling-search>')
    script = "(address) => import(address).then(({FindlingSearch}) => customElements.get('findling-search') === FindlingSearch)"
    assert seen.page.evaluate(script, urljoin(ours.url, "define.js?again"))


@pytest.mark.once
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about_in_the_element(host: Callable[..., tuple[Visit, Site]], scheme: str) -> None:
    seen, _ = host('<findling-search src="{src}" label="Find an emoji"></findling-search>', color_scheme=scheme)
    assert violations(seen) == []
    seen.page.get_by_role("combobox").fill(QUERY)
    expect(seen.page.get_by_role("option")).to_have_count(8)
    seen.page.keyboard.press("ArrowDown")
    assert violations(seen) == []


@pytest.mark.once
def test_a_host_page_that_tramples_on_everything_does_not_hurt_it(host: Callable[..., tuple[Visit, Site]]) -> None:
    seen, _ = host(
        '<findling-search src="{src}" label="Find"></findling-search>',
        init="Object.prototype.hurt = 1; Array.prototype.toJSON = () => 'hurt';",
    )
    seen.page.add_style_tag(content="* { all: unset !important }")
    seen.page.get_by_role("combobox", name="Find").fill("lost my keys")
    expect(seen.page.get_by_role("option")).to_have_count(8)
    eventually(
        seen.page,
        "() => getComputedStyle(document.querySelector('findling-search').shadowRoot.querySelector('input')).height === '48px'",
    )
