"""Collections as one file: that the bytes are fixed, and that whatever else comes is refused.

Invariant under test: every ZIP that Findling did not export gives a coded error, and nothing of it is taken.
"""

import io
import zipfile

import pytest

from findling import bundle
from findling.engine import encode
from findling.errors import BadFormat
from findling.reference import ReferenceEngine
from findling.reference_segments import inspect
from findling.segments import POINTER


@pytest.fixture
def files():
    engine = ReferenceEngine.with_hashed_words()
    engine.open(encode({"index": "a"}))
    return {POINTER: engine.dump(encode({"index": "a"}))}


def zipped(*entries, compress=zipfile.ZIP_STORED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compress) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, compress)
    return packed.getvalue()


def test_a_bundle_is_a_zip_that_anybody_can_read(files):
    with zipfile.ZipFile(io.BytesIO(bundle.pack(files, inspect))) as archive:
        (entry,) = archive.infolist()
        assert (entry.filename, entry.compress_type, entry.date_time) == (POINTER, zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))
        assert archive.read(entry) == files[POINTER]
    assert bundle.unpack(bundle.pack(files, inspect), inspect) == files


@pytest.mark.parametrize(
    "make",
    [
        lambda pointer: b"",
        lambda pointer: b"a text",
        lambda pointer: zipped(("note.txt", b"x")),
        lambda pointer: zipped((POINTER, pointer), ("note.txt", b"x")),
        lambda pointer: zipped((POINTER, pointer), ("segment-1.findling", b"x")),
        lambda pointer: zipped((POINTER, pointer), ("segment-1.findling", pointer)),
        lambda pointer: zipped((POINTER, pointer), compress=zipfile.ZIP_DEFLATED),
        lambda pointer: zipped(("../" + POINTER, pointer)),
        lambda pointer: zipped(("things/" + POINTER, pointer)),
        lambda pointer: zipped(("segment-1.findling", pointer)),
        lambda pointer: zipped((POINTER, pointer))[:-30],
        lambda pointer: zipped((POINTER, pointer)).replace(b'"meta"', b'"mete"', 1),
        lambda pointer: zipped(*((f"segment-{number}.findling", b"") for number in range(bundle.MAX_FILES + 1))),
    ],
)
def test_what_is_no_bundle_is_refused(files, make):
    with pytest.raises(BadFormat):
        bundle.unpack(make(files[POINTER]), inspect)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(files):
    with pytest.raises(BadFormat, match="two files"):
        bundle.unpack(zipped((POINTER, files[POINTER]), (POINTER, files[POINTER])), inspect)
