"""The built site goes into a wheel as PEP 427 wants it: every file is in the record, and what was there before stays as it was."""

import base64
import csv
import hashlib
import importlib
import io
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
FILES = {"index.html": b"<!doctype html>", "files/model-01.findling": b"model" * 100, "v-01/web/page.js": b"// page\n" * 100}


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("site_wheel")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/__init__.py", "")
        archive.writestr("x-1.dist-info/RECORD", "x/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nx-1.dist-info/RECORD,,\n")
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / "dist" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dist" / name).write_bytes(data)
    return tmp_path / "dist"


def test_every_file_is_in_the_wheel_and_in_its_record(backend: ModuleType, wheel: Path, site: Path) -> None:
    backend.add(wheel, site)
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["x/__init__.py", *(f"findling/site/{name}" for name in sorted(FILES)), "x-1.dist-info/RECORD"]
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read("x-1.dist-info/RECORD").decode()))}
        assert set(rows) == set(names)
        for name in set(names) - {"x-1.dist-info/RECORD"}:
            digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=").decode()
            assert rows[name] == [f"sha256={digest}", str(len(archive.read(name)))]
        assert {name: archive.read(f"findling/site/{name}") for name in FILES} == FILES


def test_the_same_site_gives_the_same_wheel(backend: ModuleType, wheel: Path, site: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    other.write_bytes(wheel.read_bytes())
    backend.add(wheel, site)
    backend.add(other, site)
    assert wheel.read_bytes() == other.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {wheel.name, other.name, "dist"}


def test_without_a_site_the_wheel_is_as_it_was_and_it_is_said(backend: ModuleType, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = wheel.read_bytes()
    monkeypatch.setattr(backend.maturin, "build_wheel", lambda *_: wheel.name)
    monkeypatch.setattr(backend.assemble, "DIST", tmp_path / "nowhere")
    assert backend.build_wheel(str(wheel.parent)) == wheel.name
    assert wheel.read_bytes() == before
    assert "./build.sh build" in capsys.readouterr().err
