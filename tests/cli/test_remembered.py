"""What a build remembers: files that have not changed are not opened again, and one that was killed goes on where it was.

Owns folders of notes and a process that ends itself. Invariant under test: whatever is remembered, the collection is what a build from
scratch makes of the files as they are now.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from note_text import text
from test_building import built, files, found

from findling import readers, remembered
from findling.segments import POINTER
from findling.sources import workplace

LONG_AGO_S = 1_000_000_000
JPEG = bytes.fromhex("ffd8 ffc0 000b 08 0010 0010 01 01 11 00 ffd9")
"""A picture of 16 by 16 without its pixels."""

KILLED = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_building import Counting
from findling import building, collection, slices
from findling.app import Ticket
collection.COMMIT_S = 0.0
# However fast it embeds, it is killed between slices.
slices.SLICE_WORDS_MAX = slices.SLICE_WORDS
class Ending(Counting):
    def add(self, request):
        if len(self.embedded) >= 60:
            os._exit(9)
        return super().add(request)
engine = Ending(Path({model!r}).read_bytes())
asyncio.run(building.build(engine, [Path({notes!r})], Path({out!r}), ticket=Ticket(), fresh={fresh!r}))
"""


@pytest.fixture
def notes(notes):
    rest(notes)
    return notes


def rest(folder, seconds=LONG_AGO_S):
    for path in folder.iterdir():
        os.utime(path, (seconds, seconds))


def read_by(model, notes, out, **more):
    """The answer of a build, and the names of the files that it read."""
    names = []
    answer, _ = built(model, notes, out, read=names.append, **more)
    return answer, names


def killed(model_file, notes, out, fresh=False):
    script = KILLED.format(here=str(Path(__file__).parent), model=str(model_file), notes=str(notes), out=str(out), fresh=fresh)
    return subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).returncode


def same_as_scratch(model, notes, out, tmp_path):
    scratch = tmp_path / f"scratch{out.suffix}"
    built(model, notes, scratch)
    return files(out) == (files(scratch) if out.is_dir() else {out.name: scratch.read_bytes()})


def test_files_that_have_not_changed_are_not_opened(model, notes, out, monkeypatch):
    read_by(model, notes, out)
    opened = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path.name) or read_bytes(path))
    (notes / "007.md").write_text(text(7, salt=2))
    (notes / "new.md").write_text(text(200))
    (notes / "010.md").unlink()
    answer, names = read_by(model, notes, out)
    assert names == [name for name in opened if name.endswith(".md")] == ["007.md", "new.md"]
    assert [answer[key] for key in ("added", "replaced", "unchanged", "removed", "documents")] == [1, 1, 98, 1, 100]
    # What was written just now may be written again within the same tick of the clock; its bytes tell.
    opened.clear()
    answer, names = read_by(model, notes, out)
    assert [name for name in opened if name.endswith(".md")] == ["007.md", "new.md"]
    assert [answer[key] for key in ("added", "replaced", "unchanged", "removed")] == [0, 0, 100, 0]


def test_what_was_not_read_is_found_and_goes_when_it_goes(model, notes, out, tmp_path):
    read_by(model, notes, out)
    (notes / "new.md").write_text(text(200))
    read_by(model, notes, out)
    for number in range(5):
        (notes / f"00{number}.md").unlink()
    answer, _ = read_by(model, notes, out)
    assert (answer["removed"], answer["documents"]) == (5, 96)
    scratch = tmp_path / "scratch.findling"
    built(model, notes, scratch)
    assert found(model, out) == found(model, scratch)


def test_a_file_that_was_only_touched_is_read_and_no_more(model, notes, out, monkeypatch):
    read_by(model, notes, out)
    rest(notes, LONG_AGO_S + 5)
    steps = readers.steps
    taken = []
    monkeypatch.setattr(readers, "steps", lambda file, reading: taken.append(file.name) or steps(file, reading))
    answer, names = read_by(model, notes, out)
    assert (len(names), taken, answer["unchanged"]) == (100, [], 100)
    assert read_by(model, notes, out)[1] == []


def test_other_code_another_address_or_another_collection_has_all_read_again(model, notes, out, monkeypatch):
    read_by(model, notes, out)
    assert len(read_by(model, notes, out, url="https://example.org/")[1]) == 100
    assert read_by(model, notes, out, url="https://example.org/")[1] == []
    monkeypatch.setattr(remembered, "of", lambda url: "other code")
    assert len(read_by(model, notes, out)[1]) == 100
    monkeypatch.undo()
    place = workplace(out) / remembered.LIST
    read_by(model, notes, out)
    for damaged in (b"", b"{}", b"[1]", place.read_bytes().replace(b'"collection": "', b'"collection": "0')):
        place.write_bytes(damaged)
        assert len(read_by(model, notes, out)[1]) == 100
        assert read_by(model, notes, out)[1] == []


def test_what_was_skipped_is_said_each_time(model, notes, out):
    (notes / "broken.json").write_text("{")
    rest(notes)
    for _ in range(2):
        answer, names = read_by(model, notes, out)
        assert [each["name"] for each in answer["skipped"]] == ["broken.json"]
    assert names == ["broken.json"]


def test_a_document_of_two_files_is_that_of_the_last(model, notes, out):
    line = {"id": "same", "text": "a boat"}
    for name in ("a", "b"):
        (notes / f"{name}.jsonl").write_text(json.dumps(line | {"title": name}) + "\n")
    (notes / "c.jsonl").write_text(json.dumps({"id": "other", "text": "a lamp", "title": "c"}) + "\n")
    rest(notes)
    read_by(model, notes, out)
    # Both are read each time, so that the order counts.
    answer, names = read_by(model, notes, out)
    assert (names, answer["documents"]) == (["a.jsonl", "b.jsonl"], 102)
    # Now that of a file that was not read counts, as it is the last one.
    (notes / "a.jsonl").write_text(json.dumps({"id": "other", "text": "a boat", "title": "a"}) + "\n")
    answer, names = read_by(model, notes, out)
    assert len(names) > 100
    assert answer["documents"] == 102


def test_a_picture_is_read_again_when_the_caption_beside_it_changes(model, notes, out):
    (notes / "boat.jpg").write_bytes(JPEG)
    rest(notes)
    read_by(model, notes, out)
    assert "boat.jpg" not in read_by(model, notes, out)[1]
    (notes / "boat.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    assert "boat.jpg" in read_by(model, notes, out)[1]


def test_a_build_that_was_killed_goes_on_where_it_was(model, model_file, notes, out, tmp_path):
    assert killed(model_file, notes, out) == 9
    assert not out.exists()
    answer, embedded = built(model, notes, out)
    assert 0 < len(embedded) <= 50
    assert answer["unchanged"] == 100 - len(embedded)
    assert [path.name for path in workplace(out).iterdir()] == [remembered.LIST]
    if out.is_dir():
        assert same_as_scratch(model, notes, out, tmp_path)
    else:
        scratch = tmp_path / "scratch.findling"
        built(model, notes, scratch)
        assert found(model, out) == found(model, scratch)


def test_what_was_there_stays_until_a_fresh_build_is_done(model, model_file, notes, out):
    built(model, notes, out)
    before = files(out)
    assert killed(model_file, notes, out, fresh=True) == 9
    assert files(out) == before
    answer, embedded = built(model, notes, out, fresh=True)
    assert (answer["documents"], answer["fresh"]) == (100, "it was asked for")
    assert 0 < len(embedded) <= 50


def test_what_was_embedded_for_other_files_or_by_another_model_is_no_use(model, model_file, notes, out):
    assert killed(model_file, notes, out) == 9
    for number in range(20):
        (notes / f"{number:03}.md").unlink()
    answer, _ = built(model, notes, out)
    assert (answer["documents"], answer["removed"]) == (80, 20)
    out = out.with_name(f"other-{out.name}")
    assert killed(model_file, notes, out) == 9
    (pointer,) = [path for path in workplace(out).iterdir() if path.name == POINTER]
    pointer.write_bytes(b"damaged")
    assert len(built(model, notes, out)[1]) == 80


def test_a_place_that_cannot_be_written_costs_nothing_but_time(model, notes, out):
    workplace(out).write_bytes(b"a file where the folder should be")
    answer, embedded = built(model, notes, out)
    assert (answer["documents"], len(embedded)) == (100, 100)
    assert len(read_by(model, notes, out)[1]) == 100
