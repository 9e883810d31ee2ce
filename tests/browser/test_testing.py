"""The plugin for pytest, by the example of its guide: page, collection and test as they are printed, in a pytest of their own.

Invariant under test: what a visitor would see is what the fixture gives, and a search that cannot work fails with its reason.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# It starts a browser of its own, which is the same in every suite.
pytestmark = pytest.mark.simd
ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guide/testing.md").read_text("utf-8")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "py"), os.environ.get("PYTHONPATH")]))}
FAILURES = '''
import pytest
from playwright.sync_api import Error


def test_a_page_without_the_element(findling_page):
    with pytest.raises(Error, match="has no findling-search"):
        findling_page("empty").search("boat")


def test_a_page_that_never_loads_the_script(findling_page):
    site = findling_page("public", path="plain.html")
    with pytest.raises(Error, match="define.js"):
        site.search("boat", timeout_s=0.5)


def test_an_index_that_is_not_there(findling_page):
    site = findling_page("public")
    with pytest.raises(Error, match="not_found"):
        site.search("boat")


def test_what_a_page_asks_of_others_is_known(findling_page):
    site = findling_page("public", path="other.html", index="build/index", mounts={"alias": "build/index"})
    assert site.foreign == ["http://127.0.0.1:9/picture.png"]
    assert [hit.title for hit in site.search("the  lamp ", element="#second")][0] == "tower"
'''


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guide's page and collection."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "public").mkdir()
    (tmp_path / "public/index.html").write_text(block("html"), "utf-8")
    *shell, build = block("console").splitlines()
    subprocess.run("\n".join(shell), shell=True, check=True)
    # A process of its own: Playwright's loop runs in this one.
    subprocess.run([sys.executable, "-m", *build.split()], check=True, env=ENVIRONMENT)
    return tmp_path


def outcome(project: Path, text: str) -> subprocess.CompletedProcess[str]:
    (project / "test_search.py").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "findling.testing", "-p", "no:cacheprovider", "--rootdir", str(project), "test_search.py"]
    return subprocess.run(command, cwd=project, env=ENVIRONMENT, text=True, capture_output=True)


def test_the_example_of_the_guide_passes(project: Path) -> None:
    ran = outcome(project, block("python"))
    assert (ran.returncode, ran.stdout.strip().splitlines()[-1].split(" in ")[0]) == (0, "1 passed"), ran.stdout


def test_what_cannot_work_is_said_with_its_reason(project: Path) -> None:
    (project / "empty").mkdir()
    (project / "empty/index.html").write_text("<!doctype html><title>x</title>", "utf-8")
    page = block("html")
    (project / "public/plain.html").write_text(page.replace("define.js", "nothing.js"), "utf-8")
    second = '<img src="http://127.0.0.1:9/picture.png" alt=""><findling-search id="second" src="/alias/collection.findling"></findling-search>'
    (project / "public/other.html").write_text(page.replace("<h1>", f"{second}<h1>"), "utf-8")
    ran = outcome(project, FAILURES)
    assert (ran.returncode, ran.stdout.strip().splitlines()[-1].split(" in ")[0]) == (0, "4 passed"), ran.stdout
