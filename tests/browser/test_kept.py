"""Collections of one's own stay: over a reload, over the end of a worker at any moment, over a full or cleared storage.

Owns what a person sees of it. Must not know how bytes are stored, but for the calls at which a worker is ended. Invariant: no test waits
for a time; each waits for what the page says.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from .conftest import DIST, Visit, eventually
from .site import Site
from .test_page import violations

pytestmark = pytest.mark.once

KEY = {"name": "key.txt", "text": "The spare key lies under the flower pot."}
WHALE = {"name": "whale.txt", "text": "Whales sing in the deep sea."}
BREAD = {"name": "bread.txt", "text": "Let the dough rise overnight in a cool place."}
KILLS = int(os.environ.get("FINDLING_KILLS", "10"))
"""How often a worker is ended; `bench hostile` does it more often."""
CALLS = 9
"""As many calls change what is stored when a file is added: four of the segment's file, four of the pointer's, and the old slot goes."""
STORAGE = next(DIST.glob("v-*/web/storage.js"))

# Everything that is kept for an origin: names with their sizes.
LEFT = """async () => {
  const files = [];
  const walk = async (folder) => { for await (const [name, entry] of folder) entry.kind === 'file' ? files.push(name) : (files.push(name), await walk(entry)); };
  try { await walk(await navigator.storage.getDirectory()); } catch {}
  return {files, databases: (await indexedDB.databases()).map(({name}) => name), caches: await caches.keys(), notes: Object.keys(localStorage)};
}"""

# In the worker: it ends at the n-th call that changes what is stored, in the middle of it. The page hears of it.
ENDING = """
if (!globalThis.document) {
  const asked = new XMLHttpRequest();
  asked.open('GET', '/ending.json', false);
  asked.send();
  let left = JSON.parse(asked.responseText);
  const stop = () => { new BroadcastChannel('ending').postMessage('now'); for (;;); };
  const written = new WeakSet();
  const at = (made, name, half = () => undefined) => {
    const method = made[name];
    made[name] = function (...given) {
      if (name === 'truncate') written.add(this);
      // Reading closes too.
      const counts = name !== 'close' || written.has(this);
      if (counts && --left === 0) { half(method, this, given); stop(); }
      return method.apply(this, given);
    };
  };
  const handle = FileSystemSyncAccessHandle.prototype;
  at(handle, 'write', (write, self, [data, place]) => write.call(self, data.subarray(0, data.length >> 1), place));
  for (const name of ['truncate', 'flush', 'close']) at(handle, name);
  at(FileSystemDirectoryHandle.prototype, 'removeEntry');
}
"""
HEAR = "window.ended = false; new BroadcastChannel('ending').onmessage = () => { window.ended = true; };"


def kept(visit: Visit, documents: int) -> None:
    """Wait until one's own files have so many documents and are saved."""
    expect(visit.page.locator("#count-files")).to_have_text(str(documents))
    expect(visit.page.locator("#kept")).to_have_attribute("data-saved", "yes")


def own(visit: Visit) -> None:
    visit.page.get_by_role("radio", name="My files").check(force=True)


def again(visit: Visit) -> Visit:
    visit.page.reload()
    return visit.ready()


def manage(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Manage").click()


def answer(visit: Visit, button: str) -> None:
    visit.page.get_by_role("dialog").get_by_role("button", name=button).click()


def changed(prelude: str) -> dict[str, str]:
    """The site's script of the storage, with something before it."""
    return {f"/{STORAGE.relative_to(DIST)}": prelude + STORAGE.read_text(encoding="utf-8")}


def test_what_was_added_is_found_after_a_reload_and_is_said_to_be_saved_when_it_was(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, locale="en-GB", timezone_id="UTC").ready()
    seen.drop(KEY, WHALE)
    kept(seen, 2)
    said = seen.page.locator("#kept-said")
    expect(said).to_have_text(re.compile(r"Saved \d\d:\d\d · [\d.]+ [kM]B"))
    when = said.inner_text()
    again(seen)
    expect(seen.page.locator("#count-files")).to_have_text("2")
    own(seen)
    assert "key.txt" in seen.search("where is the key hidden")[0]
    expect(said).to_have_text(when)
    seen.drop(KEY, BREAD)
    kept(seen, 3)
    expect(seen.page.locator("#import-text")).to_have_text("1 document added · 1 unchanged")
    again(seen)
    own(seen)
    assert "bread.txt" in seen.search("baking")[0]


def test_a_collection_is_renamed_exported_deleted_and_imported(site: Site, visit: Callable[..., Visit], tmp_path: Path) -> None:
    seen = visit(site.url, accept_downloads=True).ready()
    page = seen.page
    seen.drop(KEY, WHALE)
    kept(seen, 2)
    manage(seen)
    page.get_by_role("button", name="Rename My files").click()
    assert violations(seen) == []
    page.get_by_role("textbox", name="Its new name").fill("Hiding <b>places</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="Hiding <b>places</b>")).to_be_checked()
    assert violations(seen) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Export Hiding").click()
    assert download.value.suggested_filename.endswith(".findling.zip")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.get_by_role("button", name="Delete Hiding").click()
    assert violations(seen) == []
    answer(seen, "Cancel")
    expect(page.locator("#count-files")).to_have_text("2")
    page.get_by_role("button", name="Delete Hiding").click()
    answer(seen, "Delete")
    expect(page.locator("#count-files")).to_have_text("0")
    assert page.locator("#title-files").inner_text() == "My files"
    assert page.evaluate(LEFT)["notes"] == []
    assert [name for name in page.evaluate(LEFT)["files"] if name != "findling-collections"] == []
    page.locator("#taken").set_input_files(file)
    added = page.get_by_role("radio", name="Hiding <b>places</b>")
    expect(added).to_be_checked()
    assert "key.txt" in seen.search("where is the key hidden")[0]
    again(seen)
    added.check(force=True)
    assert "whale.txt" in seen.search("animals of the ocean")[0]
    page.locator("#taken").set_input_files({"name": "other.findling", "mimeType": "", "buffer": b"no collection"})
    expect(page.get_by_role("dialog")).to_contain_text("That did not work")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_is_accessible_and_fits_a_phone(site: Site, visit: Callable[..., Visit], scheme: str) -> None:
    seen = visit(site.url, viewport={"width": 360, "height": 740}, has_touch=True, color_scheme=scheme).ready()
    seen.drop(KEY)
    kept(seen, 1)
    manage(seen)
    assert violations(seen) == []
    small = """() => [...document.querySelectorAll('#kept button, footer button')].map((each) => [each.textContent, each.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    assert seen.page.evaluate(small) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened = seen.page.get_by_role("button", name="Delete my data")
    opened.click()
    assert violations(seen) == []
    seen.page.keyboard.press("Escape")
    expect(opened).to_be_focused()


def test_two_tabs_one_writes_and_the_other_reads_and_says_so(site: Site, visit: Callable[..., Visit]) -> None:
    first = visit(site.url).ready()
    first.drop(KEY)
    kept(first, 1)
    second = visit(site.url, context=first.page.context).ready()
    own(second)
    expect(second.page.locator("#kept-said")).to_contain_text("Open in another tab")
    assert "key.txt" in second.search("where is the key hidden")[0]
    second.drop(WHALE)
    expect(second.page.get_by_role("list", name="Files that were not added")).to_contain_text("open in another tab")
    manage(second)
    expect(second.page.get_by_role("button", name="Delete My files")).to_be_disabled()
    first.drop(BREAD)
    kept(first, 2)
    first.page.close()
    again(second)
    own(second)
    second.drop(WHALE)
    kept(second, 3)
    assert "bread.txt" in second.search("baking")[0]


def test_denied_storage_keeps_in_memory_and_says_so(site: Site, denied: BrowserContext, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url, context=denied).ready()
    seen.drop(KEY)
    expect(seen.page.locator("#kept-said")).to_contain_text("Kept until this page is closed")
    expect(seen.page.locator("#kept")).to_have_attribute("data-saved", "no")
    assert "key.txt" in seen.search("where is the key hidden")[0]
    seen.page.get_by_role("button", name="Delete my data").click()
    answer(seen, "Delete my data")
    expect(seen.page.get_by_role("dialog")).to_contain_text("Nothing of this page is left", timeout=20_000)


def test_a_browser_without_files_for_pages_keeps_in_its_database(site: Site, visit: Callable[..., Visit]) -> None:
    site.pages |= changed("delete StorageManager.prototype.getDirectory;\n")
    seen = visit(site.url).ready()
    seen.drop(KEY, WHALE)
    kept(seen, 2)
    manage(seen)
    expect(seen.page.locator("#kept-where")).to_contain_text("in this browser's database, because this browser has no files for pages")
    assert seen.page.evaluate(LEFT)["databases"] == ["findling-collections"]
    again(seen)
    own(seen)
    assert "key.txt" in seen.search("where is the key hidden")[0]


def cleared(visit: Visit, *what: str) -> None:
    session = visit.page.context.new_cdp_session(visit.page)
    origin = visit.page.evaluate("location.origin")
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": ",".join(what)})


def test_what_the_browser_has_evicted_is_explained_and_can_be_imported(site: Site, visit: Callable[..., Visit], tmp_path: Path) -> None:
    seen = visit(site.url, accept_downloads=True).ready()
    page = seen.page
    seen.drop(KEY, WHALE)
    kept(seen, 2)
    manage(seen)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export My files").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.goto("about:blank")
    page.goto(f"{site.url}index.html#")
    seen.ready()
    cleared(seen, "file_systems", "indexeddb", "cache_storage")
    again(seen)
    own(seen)
    expect(page.locator("#kept-said")).to_contain_text("The browser has deleted what was kept here “My files” (2 documents)")
    assert violations(seen) == []
    page.locator("#taken").set_input_files(file)
    expect(page.locator("#kept")).to_have_attribute("data-saved", "yes")
    assert "key.txt" in seen.search("where is the key hidden")[0]


def test_what_is_evicted_under_an_open_page_is_saved_again(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop(KEY)
    kept(seen, 1)
    cleared(seen, "file_systems")
    seen.drop(WHALE)
    kept(seen, 2)
    again(seen)
    own(seen)
    assert "key.txt" in seen.search("where is the key hidden")[0]
    assert "whale.txt" in seen.search("animals of the ocean")[0]


def test_a_collection_of_which_a_part_is_gone_is_said_and_can_be_deleted(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    page = seen.page
    seen.drop(KEY)
    kept(seen, 1)
    remove = """async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('findling-collections');
      for await (const name of folder.keys()) if (name.includes('segment')) await folder.removeEntry(name);
    }"""
    page.evaluate(remove)
    again(seen)
    own(seen)
    expect(page.locator("#kept-said")).to_contain_text("Cannot be opened")
    manage(seen)
    assert violations(seen) == []
    page.get_by_role("button", name="Delete My files").click()
    answer(seen, "Delete")
    expect(page.locator("#kept")).to_be_hidden()
    seen.drop(WHALE)
    kept(seen, 1)


def test_without_room_the_old_one_stays_it_is_said_and_saving_can_be_tried_again(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready().model_stored()
    page = seen.page
    seen.drop(KEY)
    kept(seen, 1)
    eventually(page, "async () => document.documentElement.dataset.offline === 'kept'")
    session = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")
    used = session.send("Storage.getUsageAndQuota", {"origin": origin})["usage"]
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": used + 1000})
    seen.drop({"name": "long.txt", "text": " ".join(f"word{number}" for number in range(3000))}, WHALE)
    expect(page.locator("#kept")).to_have_attribute("data-saved", "fault")
    expect(page.locator("#kept-said")).to_contain_text("MB are missing")
    # Searched all the same.
    assert "whale.txt" in seen.search("animals of the ocean")[0]
    assert violations(seen) == []
    beside = visit(site.url, context=page.context).ready()
    own(beside)
    expect(beside.page.locator("#count-files")).to_have_text("1")
    beside.page.close()
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#kept")).to_have_attribute("data-saved", "yes")
    again(seen)
    own(seen)
    assert "whale.txt" in seen.search("animals of the ocean")[0]


def test_a_worker_that_ends_at_any_call_leaves_the_old_one_or_the_new_one(site: Site, visit: Callable[..., Visit]) -> None:
    site.pages |= changed(ENDING) | {"/ending.json": "0"}
    seen = visit(site.url, init=HEAR).ready()
    page = seen.page
    seen.drop(KEY)
    kept(seen, 1)
    have, outcomes = 1, []
    for n in range(1, KILLS + 1):
        site.pages["/ending.json"] = str(1 + (n - 1) % CALLS)
        again(seen)
        own(seen)
        seen.drop({"name": f"note{n}.txt", "text": f"Number {n} is about whales."})
        done = f"() => window.ended || (document.getElementById('count-files').textContent === '{have + 1}' && document.getElementById('kept').dataset.saved === 'yes')"
        eventually(page, done)
        was_ended = page.evaluate("() => window.ended")
        site.pages["/ending.json"] = "0"
        again(seen)
        own(seen)
        expect(page.locator("#kept")).to_have_attribute("data-saved", "yes")
        count = int(page.locator("#count-files").inner_text())
        assert count in ((have, have + 1) if was_ended else (have + 1,)), n
        assert "key.txt" in seen.search("where is the key hidden")[0]
        assert any(f"note{n}.txt" in row for row in seen.search(f"whales {n}")) == (count == have + 1)
        outcomes.append((was_ended, count - have))
        have = count
    ended = [gained for was_ended, gained in outcomes if was_ended]
    print(json.dumps({"kills": len(ended), "old": ended.count(0), "new": ended.count(1)}))
    assert {0, 1} == set(ended)
    assert len(ended) >= 0.8 * KILLS, outcomes
    seen.drop(WHALE)
    kept(seen, have + 1)


def pause_at_once(visit: Visit) -> None:
    """Pause the next import when its first document is added."""
    visit.page.evaluate("""() => new MutationObserver(() => {
      if (/^Adding/.test(document.getElementById('import-text').textContent) && !window.paused) { window.paused = true; document.getElementById('pause').click(); }
    }).observe(document.getElementById('import-text'), {childList: true})""")


def test_an_import_is_paused_goes_on_and_is_kept_as_far_as_it_came(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?pool=1").ready()
    page = seen.page
    pause_at_once(seen)
    seen.drop(*({"name": f"{number}.txt", "text": f"whale number {number} " * 60} for number in range(40)))
    expect(page.locator("#import-text")).to_contain_text("Paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#import-text")).to_have_text("40 documents added")
    kept(seen, 40)


def test_an_import_that_was_broken_off_is_said_and_goes_on_where_it_stopped(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?pool=1").ready()
    page = seen.page
    seen.drop(KEY)
    kept(seen, 1)
    pause_at_once(seen)
    files = [{"name": f"{number}.txt", "text": f"whale number {number} " * 60} for number in range(40)]
    seen.drop(*files)
    expect(page.locator("#import-text")).to_contain_text("Paused")
    again(seen)
    own(seen)
    said = page.locator("#unfinished-said")
    expect(said).to_contain_text("An import of 40 files was broken off")
    done = int(page.locator("#count-files").inner_text()) - 1
    assert 0 < done < 40
    expect(said).to_contain_text(f"{done} document{' of it is' if done == 1 else 's of it are'} here and saved")
    # What was dropped by a script has no handle.
    expect(page.get_by_role("button", name="Add the rest")).to_be_hidden()
    assert violations(seen) == []
    seen.drop(*files)
    expect(page.locator("#import-text")).to_have_text(f"{40 - done} documents added · {done} unchanged")
    kept(seen, 41)
    again(seen)
    own(seen)
    expect(page.locator("#kept-said")).to_contain_text("Saved")


# What is dropped has the handle of a folder of the origin, which stands for one of the device.
FOLDER = """
DataTransferItem.prototype.getAsFileSystemHandle = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('device', {create: true});
"""
FILL = """async (count) => {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('device', {create: true});
  for (let number = 0; number < count; number++) {
    const file = await (await folder.getFileHandle(`${number}.txt`, {create: true})).createWritable();
    await file.write(`whale number ${number} `.repeat(60));
    await file.close();
  }
}"""


def test_the_rest_of_a_folder_is_added_at_the_next_visit_by_its_handle(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?pool=1", init=FOLDER).ready()
    page = seen.page
    page.evaluate(FILL, 40)
    pause_at_once(seen)
    seen.drop({"name": "device", "text": ""})
    expect(page.locator("#import-text")).to_contain_text("Paused")
    beside = visit(site.url, context=page.context).ready()
    expect(beside.page.locator("#count-files")).not_to_have_text("0")
    expect(beside.page.locator("#unfinished")).to_be_hidden()
    beside.page.close()
    again(seen)
    add = page.get_by_role("button", name="Add the rest")
    expect(add).to_be_visible()
    assert violations(seen) == []
    done = int(page.locator("#count-files").inner_text())
    assert 0 < done < 40
    # Broken off once more, the same import is told of.
    pause_at_once(seen)
    add.click()
    expect(page.locator("#import-text")).to_contain_text("Paused")
    again(seen)
    expect(add).to_be_visible()
    had, done = done, int(page.locator("#count-files").inner_text())
    assert had <= done < 40
    expect(page.locator("#unfinished-said")).to_contain_text(f"{done} document{' of it is' if done == 1 else 's of it are'} here and saved")
    add.click()
    expect(page.locator("#import-text")).to_have_text(f"{40 - done} documents added · {done} unchanged")
    kept(seen, 40)
    assert "device/7.txt" in " ".join(seen.search("whale number 7"))
    again(seen)
    expect(page.locator("#count-files")).to_have_text("40")
    expect(page.locator("#unfinished")).to_be_hidden()
    assert page.evaluate(LEFT)["databases"] == []


def test_what_cannot_be_read_again_is_said_and_the_offer_can_be_dismissed(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(f"{site.url}?pool=1", init=FOLDER + "FileSystemHandle.prototype.requestPermission = async () => 'denied';").ready()
    page = seen.page
    page.evaluate(FILL, 40)
    pause_at_once(seen)
    seen.drop({"name": "device", "text": ""})
    expect(page.locator("#import-text")).to_contain_text("Paused")
    again(seen)
    page.get_by_role("button", name="Add the rest").click()
    expect(page.locator("#unfinished-said")).to_contain_text("does not let this page read those files again")
    page.locator("#unfinished").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#unfinished")).to_be_hidden()
    again(seen)
    expect(page.locator("#count-files")).not_to_have_text("0")
    expect(page.locator("#unfinished")).to_be_hidden()
    assert page.evaluate(LEFT)["databases"] == []


def test_delete_my_data_leaves_nothing(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    page = seen.page
    seen.drop(KEY)
    kept(seen, 1)
    eventually(page, "async () => document.documentElement.dataset.offline === 'kept'")
    eventually(page, "() => localStorage.length > 0")
    before = page.evaluate(LEFT)
    assert before["files"] and before["caches"] and before["notes"]
    page.get_by_role("button", name="Delete my data").click()
    answer(seen, "Delete my data")
    expect(page.locator("html")).to_have_attribute("data-erased", "0")
    assert page.evaluate(LEFT) == {"files": [], "databases": [], "caches": [], "notes": []}
    answer(seen, "Start again")
    expect(page.locator("html")).not_to_have_attribute("data-erased", "0")
    seen.ready()
    expect(page.locator("#count-files")).to_have_text("0")
