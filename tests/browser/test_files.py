"""Files of every format dropped on the page: what their readers need comes from the site itself, when it is needed.

Owns one file of each kind of need. Must not know what is read from them. Invariant under test: nothing is fetched before
the first such file, nothing from elsewhere, and a package that does not come costs its files only.
"""

import base64
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Visit
from .site import Fault, Site

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))
from made import docx, frame, jpeg, mp3, paragraph, pdf, xmp, zipped  # noqa: E402


def file(name: str, data: bytes) -> dict[str, str]:
    return {"name": name, "base64": base64.b64encode(data).decode()}


def asked_for(site: Site, what: str) -> int:
    return sum(what in each.path for each in site.log)


def test_files_of_every_format_are_found_and_their_readers_come_when_they_are_needed(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop({"name": "page.html", "text": "<title>Tower</title><nav><a href=x>Home</a></nav><p>a lighthouse on a rock"})
    expect(seen.page.locator("#count-files")).to_have_text("1")
    assert not any(asked_for(site, each) for each in ("/rest-", "pypdf", "mutagen"))
    caption = xmp("<dc:description><rdf:Alt><rdf:li>a heron in the reeds</rdf:li></rdf:Alt></dc:description>")
    inside = zipped({"in/paper.pdf": pdf([["nothing here"], ["whales sing in the deep"]]), "photo.jpg": jpeg(xmp=caption)})
    seen.drop(file("report.docx", docx(paragraph("bread is baked at dawn"))), file("song.mp3", mp3(frame("TIT2", "Sea shanty"))), file("all.zip", inside))
    expect(seen.page.locator("#count-files")).to_have_text("5", timeout=120_000)
    assert all(asked_for(site, each) == 1 for each in ("/rest-", "pypdf", "mutagen"))
    for query, part in (("lighthouse", "Tower"), ("bread baked", "report"), ("shanty", "Sea shanty"), ("whales", "paper"), ("heron", "photo")):
        assert part in seen.search(query)[0]
    assert seen.foreign == []


@pytest.mark.once
def test_a_package_that_does_not_come_costs_its_files_only(site: Site, visit: Callable[..., Visit]) -> None:
    site.faults.append(Fault("pypdf", status=503))
    seen = visit(site.url).ready()
    seen.expect_console("503", "loading pypdf", "Failed to fetch")
    seen.drop(file("paper.pdf", pdf([["whales"]])), {"name": "a.txt", "text": "a lighthouse"})
    listed = seen.page.get_by_role("list", name="Files that were not added").get_by_role("listitem")
    expect(listed).to_have_count(1, timeout=60_000)
    assert "paper.pdf" in listed.all_inner_texts()[0] and "pypdf" in listed.all_inner_texts()[0]
    assert "lighthouse" in seen.search("lighthouse")[0]


@pytest.mark.once
def test_of_many_files_that_are_skipped_a_hundred_are_named_and_the_others_counted(site: Site, visit: Callable[..., Visit]) -> None:
    seen = visit(site.url).ready()
    seen.drop({"name": "a.txt", "text": "a lighthouse"}, *(file(f"{number}.bin", b"\x00\x01") for number in range(103)))
    expect(seen.page.locator("#import-text")).to_have_text("1 document added · 103 files skipped")
    listed = seen.page.get_by_role("list", name="Files that were not added").get_by_role("listitem")
    # One reason, one row.
    expect(listed).to_have_count(1)
    text = listed.inner_text()
    assert text.startswith("103 files .bin files cannot be read") and "98.bin, 99.bin and 3 more" in text and "100.bin" not in text
