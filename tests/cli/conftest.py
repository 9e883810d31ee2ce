"""What the tests of the command line share: a folder of files, a model of its own, and a cache that is nobody's.

Invariant: no test reads or writes the cache folder or the settings of the person who runs it.
"""

import pytest
from note_text import text


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """A cache folder that is not there yet."""
    place = tmp_path_factory.mktemp("cache") / "findling"
    monkeypatch.setenv("FINDLING_CACHE", str(place))
    for name in ("FINDLING_MODEL", "FINDLING_PIECES", "FINDLING_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "b.txt").write_text("the lighthouse keeper sings in the storm")
    (source / "deep/a.md").write_text("# Boats\na small boat floats\n## Oars\nwood for rowing\n")
    (source / "broken.json").write_text("{")
    (source / "picture.raw").write_bytes(b"\x89PNG")
    (source / ".hidden.txt").write_text("hidden")
    return source


@pytest.fixture
def model_file(tmp_path, model):
    path = tmp_path / "tiny.findling"
    path.write_bytes(model)
    return path


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number:03}.md").write_text(text(number))
    return folder


@pytest.fixture(params=["folder", "file"])
def out(request, tmp_path):
    return tmp_path / ("built" if request.param == "folder" else "built.findling")
