"""The page in Firefox and WebKitGTK: the ways through it that everybody takes.

Must not repeat what the tests in Chromium hold. Invariant under test: what the page promises does not depend on who made the browser.
"""

from browser.scripts import MODEL_STORED

from .conftest import Seen

QUERY = "feeling sick with a fever"
NOTES = ("notes.md", "# Roof\n\nThe plumber repaired the leaking pipe in the attic.\n")
KEPT = "document.querySelector('input[value=files]').checked && document.getElementById('kept').dataset.saved === 'yes'"


def test_the_demonstration_is_searched_by_meaning(seen: Seen) -> None:
    seen.open("#q=feeling+sick+with+a+fever")
    assert any("🤒" in row for row in seen.answer(QUERY)[:5])
    told = seen.until(ready="", model=None)
    assert told["backend"] in ("wasm-relaxed", "wasm-simd")
    assert any("📚" in row or "📖" in row for row in seen.search("place where you borrow books")[:5])


def test_a_second_visit_takes_the_model_from_storage(seen: Seen) -> None:
    seen.open()
    assert seen.until(ready="", model=None)["model"] == "network"
    seen.until(offline="kept")
    seen.wait(f"({MODEL_STORED})()")
    seen.open("?again#q=lost+my+keys")
    assert any("🔑" in row or "🗝" in row for row in seen.answer("lost my keys")[:5])
    assert seen.until(ready="", model=None)["model"] == "cache"


def drop_notes(seen: Seen) -> None:
    """Drop a file, and wait until the page has turned to what was added and has it saved."""
    seen.open()
    seen.until(ready="", model=None)
    seen.drop(*NOTES)
    seen.wait(KEPT)


def test_a_dropped_file_is_found_by_what_it_means(seen: Seen) -> None:
    drop_notes(seen)
    rows = seen.search("water damage under the roof")
    assert len(rows) == 1 and "Roof" in rows[0]


def test_a_published_collection_is_read_in_pieces(seen: Seen) -> None:
    seen.open()
    seen.until(ready="", model=None)
    seen.click("input[type=radio][value=dictionary]")
    assert any("claustrophobia" in row for row in seen.search("fear of closed spaces")[:5])
    ranges = [each for each in seen.site.log if each.range is not None and "/dictionary" in each.path]
    assert ranges and all(each.status == 206 for each in ranges)
    assert sum(each.sent for each in ranges) < 1_000_000


def test_what_was_dropped_is_kept_until_the_next_visit(seen: Seen) -> None:
    drop_notes(seen)
    where = seen.value("document.getElementById('kept-where').textContent")
    assert where.startswith("Collections are kept in this browser")
    seen.open("?again")
    seen.until(ready="", model=None)
    seen.click("input[type=radio][value=files]")
    rows = seen.search("water damage under the roof")
    assert len(rows) == 1 and "Roof" in rows[0]
