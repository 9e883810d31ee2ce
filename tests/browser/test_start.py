"""How the page starts when something is wrong: every fault becomes a sentence with a code, and what can heal heals.

Owns the faults: of the server, of the browser, of what is stored. Must not know how files are fetched. Invariant: no
test waits for a time; each waits for what the page says.
"""

import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from findling.serve import server

from .conftest import DIST, Visit, eventually
from .site import POLICY, Site

MODEL = r"/files/all-MiniLM-L6-v2-[0-9a-f]"
PIECES = r"/files/all-MiniLM-L6-v2-pieces-"
PART_BYTES = 4 << 20
QUERY = "feeling sick with a fever"


@pytest.mark.once
def test_no_webassembly_is_said_with_a_code(site: Site, visit: Callable[..., Visit]) -> None:
    visit(site.url, flags=("--js-flags=--jitless",)).failed("no_wasm", "no WebAssembly")


@pytest.mark.once
def test_a_policy_that_forbids_webassembly_is_said_with_a_code(serve: Callable[..., Site], visit: Callable[..., Visit]) -> None:
    site = serve(policy=POLICY.replace(" 'wasm-unsafe-eval'", ""))
    seen = visit(site.url)
    seen.expect_console("WebAssembly", "wasm")
    seen.failed("no_wasm", "wasm-unsafe-eval")


@pytest.mark.once
def test_python_under_a_wrong_content_type_is_said_with_a_code(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(r"pyodide\.asm\.wasm$", content_type="text/plain")
    seen = visit(site.url)
    seen.expect_console("wasm", "MIME")
    seen.failed("network", "application/wasm")


@pytest.mark.once
def test_what_the_page_cannot_do_for_its_worker_the_worker_does_itself(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(r"pyodide\.asm\.wasm$", status=503, times=1)
    seen = visit(site.url).ready()
    seen.expect_console("503")
    # Whoever keeps the files for visits without a network may ask once more.
    assert [one.status for one in site.requests(r"pyodide\.asm\.wasm$")][:2] == [503, 200]


@pytest.mark.once
@pytest.mark.parametrize("file", [r"pyodide\.asm\.wasm$", r"boot[^/]*\.zip$", r"pyodide\.asm\.mjs$"])
def test_a_missing_file_of_python_is_said_with_a_code(site: Site, visit: Callable[..., Visit], file: str) -> None:
    site.fail(file, status=404)
    seen = visit(site.url)
    seen.expect_console("")  # Pyodide writes many lines of its own about it.
    seen.failed("network", "")


@pytest.mark.once
def test_a_missing_index_is_said_and_own_files_still_work(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(r"/files/emoji", status=404)
    seen = visit(site.url)
    seen.expect_console("404")
    seen.failed("not_found", "404")
    seen.drop({"name": "note.txt", "text": "The spare key lies under the flower pot."})
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert "note.txt" in seen.search("where is the key hidden")[0]


def test_typing_before_the_page_is_ready_is_answered(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url)
    assert seen.page.locator("#state").get_attribute("data-state") == "starting"
    assert "🤒" in " ".join(seen.search(QUERY)[:5])


@pytest.mark.once
def test_an_index_that_does_not_arrive_holds_nothing_else_back_and_nothing_overtakes_it(
    site: Site, visit: Callable[..., Visit]
) -> None:
    arrives = threading.Event()
    site.fail(r"/files/emoji", times=1, until=arrives)
    seen = visit(site.url)
    # Answered, so Python runs.
    seen.drop({"name": "note.txt", "text": "The spare key lies under the flower pot."})
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert "note.txt" in seen.search("where is the key hidden")[0]
    seen.page.get_by_role("radio", name="Emoji").check(force=True)
    seen.page.get_by_role("searchbox").fill(QUERY)
    arrives.set()
    seen.answered(QUERY)
    assert "🤒" in " ".join(seen.rows()[:5])
    expect(seen.page.locator("#problem")).to_be_hidden()


def test_the_model_comes_from_the_cache_the_second_time(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready().model_stored()
    expect(seen.page.locator("html")).to_have_attribute("data-model", "network")
    seen.page.reload()
    expect(seen.page.locator("html")).to_have_attribute("data-model", "cache")
    assert len(site.requests(MODEL)) == 1


@pytest.mark.once
def test_an_interrupted_download_goes_on_where_it_stopped(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, cut_after=9_000_000, times=1)
    seen = visit(site.url)
    seen.expect_console("ERR_CONTENT_LENGTH_MISMATCH", "ERR_INCOMPLETE_CHUNKED_ENCODING")
    seen.ready()
    first, second = site.requests(MODEL)
    assert (first.status, second.status) == (200, 206)
    assert second.range is not None and 0 < int(second.range.removeprefix("bytes=").rstrip("-")) <= 9_000_000
    assert second.if_range
    assert seen.search(QUERY)


@pytest.mark.once
def test_a_download_that_was_given_up_goes_on_from_the_stored_parts(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, cut_after=9_000_000, times=1)
    broken = site.fail(MODEL, status=503)
    seen = visit(site.url)
    seen.expect_console("ERR_CONTENT_LENGTH_MISMATCH", "503")
    seen.failed("network", "503")
    site.faults.remove(broken)
    seen.page.reload()
    seen.ready()
    last = site.requests(MODEL)[-1]
    assert (last.status, last.range) == (206, f"bytes={2 * PART_BYTES}-")
    assert seen.search(QUERY)


@pytest.mark.once
def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, cut_after=9_000_000, times=1)
    site.fail(MODEL, etag='"another"')
    seen = visit(site.url)
    seen.expect_console("ERR_CONTENT_LENGTH_MISMATCH")
    seen.ready()
    assert [each.status for each in site.requests(MODEL)] == [200, 200]


@pytest.mark.once
def test_a_server_without_ranges_is_asked_for_everything(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, cut_after=9_000_000, times=1)
    site.fail(MODEL, no_ranges=True)
    seen = visit(site.url)
    seen.expect_console("ERR_CONTENT_LENGTH_MISMATCH")
    seen.ready()
    assert site.requests(MODEL)[-1].status == 200


@pytest.mark.once
def test_a_flipped_byte_is_refused_and_fetched_again(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, flip_at=5_000_000, times=1)
    seen = visit(site.url).ready()
    assert len(site.requests(MODEL)) == 2
    assert seen.search(QUERY)


@pytest.mark.once
def test_a_byte_that_is_flipped_twice_is_said_with_a_code(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, flip_at=5_000_000)
    visit(site.url).failed("wrong_digest", "damaged twice")
    assert len(site.requests(MODEL)) == 2


@pytest.mark.once
def test_a_byte_flipped_in_storage_is_refused_and_fetched_again(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready().model_stored()
    flip = """async () => {
      const cache = await caches.open('findling-models');
      const {url} = (await cache.keys()).find(({url}) => url.endsWith('?part=4194304'));
      const bytes = new Uint8Array(await (await cache.match(url)).arrayBuffer());
      bytes[0] ^= 1;
      await cache.put(url, new Response(bytes));
    }"""
    seen.page.evaluate(flip)
    seen.page.reload()
    seen.ready()
    expect(seen.page.locator("html")).to_have_attribute("data-model", "network")
    assert len(site.requests(MODEL)) == 2
    assert seen.search(QUERY)


@pytest.mark.once
def test_another_version_of_the_model_is_deleted(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready().model_stored()
    script = """async () => {
      const cache = await caches.open('findling-models');
      const {url} = (await cache.keys()).find(({url}) => /v2-[0-9a-f]+\\.findling$/.test(url));
      await cache.put(new URL('model-old?part=0', url), new Response('old'));
      await cache.delete(url);
    }"""
    seen.page.evaluate(script)
    seen.page.reload()
    seen.ready().model_stored()
    eventually(
        seen.page, "async () => !(await (await caches.open('findling-models')).keys()).some(({url}) => url.includes('model-old'))"
    )


def test_until_the_model_has_come_the_piece_table_stands_in_and_both_are_kept(site: Site, visit: Callable[..., Visit]) -> None:
    arrives = threading.Event()
    site.fail(MODEL, until=arrives)
    seen = visit(site.url)
    html = seen.page.locator("html")
    assert "🤒" in " ".join(seen.search(QUERY)[:5])
    expect(html).to_have_attribute("data-encoder", "static")
    expect(seen.page.locator("#state-text")).to_contain_text("by word vectors, language model")
    # Documents need the model: they wait for it.
    seen.drop({"name": "note.txt", "text": "The spare key lies under the flower pot."})
    arrives.set()
    expect(html).to_have_attribute("data-model", "network")
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert "note.txt" in seen.search("where is the key hidden")[0]
    expect(html).to_have_attribute("data-encoder", "model")
    seen.model_stored()
    parts = "async () => (await (await caches.open('findling-models')).keys()).filter(({url}) => !url.includes('?part=')).length === 2"
    eventually(seen.page, parts)
    seen.page.reload()
    seen.ready()
    expect(html).to_have_attribute("data-model", "cache")
    assert [len(site.requests(each)) for each in (MODEL, PIECES)] == [1, 1]


def test_without_the_model_the_page_says_so_and_searches_by_the_piece_table(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(MODEL, status=404)
    seen = visit(site.url)
    seen.expect_console("404")
    seen.failed("not_found", "all-MiniLM")
    expect(seen.page.locator("#problem-title")).to_have_text("Searching without the language model")
    assert "🤒" in " ".join(seen.search(QUERY)[:5])
    expect(seen.page.locator("#state-text")).to_contain_text("by word vectors ·")
    seen.drop({"name": "note.txt", "text": "The spare key lies under the flower pot."})
    expect(seen.page.get_by_role("list", name="Files that were not added")).to_contain_text("404")


@pytest.mark.once
def test_without_model_and_piece_table_nothing_can_start(site: Site, visit: Callable[..., Visit]) -> None:
    site.fail(r"/files/all-MiniLM", status=404)
    seen = visit(site.url)
    seen.expect_console("404")
    seen.failed("not_found", "all-MiniLM")
    expect(seen.page.locator("#problem-title")).to_have_text("Search could not start")


@pytest.mark.once
def test_denied_storage_runs_from_memory_and_says_so(site: Site, denied: BrowserContext, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, context=denied).ready()
    expect(seen.page.locator("html")).to_have_attribute("data-model", "memory")
    expect(seen.page.get_by_text("The browser refused storage")).to_be_visible()
    assert seen.search(QUERY)


@pytest.mark.parametrize("how", ["the server is gone", "the network is off"])
def test_a_cached_page_works_offline(site: Site, visit: Callable[..., Visit], how: str) -> None:
    seen = visit(site.url).ready().model_stored()
    expect(seen.page.locator("html")).to_have_attribute("data-offline", "kept")
    seen.expect_console("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION_REFUSED", "service worker")
    if how == "the network is off":
        seen.page.context.set_offline(True)
    else:
        site.stop()
    seen.page.reload()
    seen.ready()
    expect(seen.page.locator("html")).to_have_attribute("data-model", "cache")
    assert "🤒" in " ".join(seen.search(QUERY)[:5])


def test_a_tier_can_be_chosen_on_a_page_that_is_kept(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    expect(seen.page.locator("html")).to_have_attribute("data-offline", "kept")
    again = visit(f"{site.url}?backend=wasm-scalar", context=seen.page.context).ready()
    expect(again.page.locator("html")).to_have_attribute("data-backend", "wasm-scalar")


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_of_the_pool_can_be_chosen(site: Site, visit: Callable[..., Visit], size: int) -> None:
    seen = visit(f"{site.url}?pool={size}").ready()
    expect(seen.page.locator("html")).to_have_attribute("data-pool", str(size))


KEEP_WORKERS = """
  window.workers = [];
  window.Worker = class extends Worker { constructor(...args) { super(...args); window.workers.push(this); } };
"""


def test_a_worker_killed_in_mid_search_rejects_everything(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, init=KEEP_WORKERS).ready()
    script = """async (address) => {
      const {Client} = await import(address);
      const client = new Client();
      await client.call('open', {collection: 'mine'});
      const search = (query) => client.search({collection: 'mine', query});
      const calls = [client.call('status', {}), search('a'), search('b'), client.call('status', {})];
      window.workers.at(-1).terminate();
      const settled = await Promise.allSettled(calls);
      return [...settled.map(({reason}) => reason?.code), client.failure.code];
    }"""
    address = seen.page.evaluate("document.querySelector('script[type=module]').src").replace("page.js", "client.js")
    assert seen.page.evaluate(script, address) == ["worker_failed"] * 5


def test_a_killed_worker_is_said_and_can_be_started_again(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, init=KEEP_WORKERS).ready()
    seen.drop({"name": "note.txt", "text": "The spare key lies under the flower pot."})
    expect(seen.page.locator("#count-files")).to_have_text("1")
    seen.page.evaluate("window.workers.at(-1).terminate()")
    seen.failed("worker_failed", "start it again")
    seen.page.get_by_role("button", name="Start again").click()
    expect(seen.page.locator("#problem")).to_be_hidden()
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert "note.txt" in seen.search("where is the key hidden")[0]


def test_files_chosen_before_start_again_are_added_even_in_the_middle_of_an_import(
    site: Site, visit: Callable[..., Visit]
) -> None:
    fault = site.fail(r"/files/emoji", status=503)
    seen = visit(site.url)
    seen.expect_console("503")
    seen.failed("network", "503")
    fault.status = None
    # In one turn of the page: nothing of the import can have been answered.
    seen.page.evaluate("""() => {
      const carried = new DataTransfer();
      for (const name of ['one.txt', 'two.txt']) carried.items.add(new File([`The spare key of ${name} lies under the pot.`], name));
      document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true}));
      document.getElementById('restart').click();
    }""")
    expect(seen.page.locator("#count-files")).to_have_text("2")
    expect(seen.page.locator("#import-text")).to_have_text("2 documents added")
    assert seen.page.locator("#skipped").inner_text() == ""
    assert len(seen.search("where is the key hidden")) == 2


@pytest.mark.once
def test_the_site_works_on_the_projects_own_server(launch: Callable[..., Browser]) -> None:
    with server(DIST) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        with launch().new_context() as context:
            address = f"http://127.0.0.1:{running.server_port}"
            seen = Visit(context.new_page(), origins={address})
            seen.page.goto(address)
            assert "🤒" in " ".join(seen.search(QUERY)[:5])
            seen.check()
        running.shutdown()
        thread.join()
