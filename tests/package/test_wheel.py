"""`pip install .` as people do it, into an environment of its own: engine, model, page and command are there and work.

Compiles nothing that `./build.sh build` has compiled. Invariant under test: the installed package needs no file of the checkout.
"""

import json
import os
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this tree, made without the network."""
    out = tmp_path_factory.mktemp("wheel")
    arguments = os.environ.get("MATURIN_PEP517_ARGS", "--locked --offline")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", ".", "--no-build-isolation", "--no-deps", "--no-index", "--quiet", "-w", str(out)]
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PATH": tools, "MATURIN_PEP517_ARGS": arguments})
    (made,) = out.glob("findling-*.whl")
    return made


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the installed `findling` in a folder of its own."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=False)
    inside = Path(sysconfig.get_path("purelib", "venv", {"base": str(place / "venv"), "platbase": str(place / "venv")}))
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(place / "venv"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    # What it depends on comes from the environment of the tests, behind what is installed.
    (inside / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    (place / "notes").mkdir()
    (place / "notes/boat.md").write_text("# Boat\nA small boat floats on calm water.\n", "utf-8")
    (place / "notes/tower.txt").write_text("The keeper lights the lamp when it gets dark.", "utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FINDLING"))}

    def go(*arguments: str, program: str = "findling") -> subprocess.CompletedProcess[str]:
        command = [str(place / "venv/bin" / program), *arguments]
        return subprocess.run(command, cwd=place, env={**variables, "FINDLING_CACHE": str(place / "cache")}, text=True, capture_output=True)

    return go


def test_the_command_builds_and_searches_with_the_model_that_came_with_it(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    built = run("build", "notes", "-o", "out")
    assert (built.returncode, built.stdout) == (0, "out: 2 documents, 2 passages, 0 files skipped\n"), built.stderr
    found = run("search", "out", "something that swims", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["hits"][0]["document"]["meta"]["file"] == "boat.md"


def test_everything_is_in_its_place(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    told = run("doctor", "--json")
    assert told.returncode == 0, told.stdout
    checks = {check["name"]: check["found"] for check in json.loads(told.stdout)["checks"]}
    for name in ("findling", "model", "piece table", "site"):
        assert "venv" in checks[name] and str(ROOT) not in checks[name], checks[name]


def test_it_can_be_imported_with_types(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    script = "import findling, pathlib; at = pathlib.Path(findling.__file__).parent; assert (at / 'py.typed').is_file(); print(len(findling.open('out')))"
    run("build", "notes", "-o", "out", "--quiet")
    ran = run("-c", script, program="python")
    assert (ran.returncode, ran.stdout) == (0, "2\n"), ran.stderr


@pytest.fixture
def page(run: Callable[..., subprocess.CompletedProcess[str]]) -> Iterator[int]:
    """The port of a server of the installed page."""
    from findling.serve import server

    shown = run("-c", "from findling import installed; print(installed.site())", program="python")
    running = server(shown.stdout.strip())
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running.server_port
    running.shutdown()
    running.server_close()
    thread.join()


def test_the_page_is_there_to_be_served(page: int) -> None:
    for path in ("/", "/define.js", "/sw.js"):
        connection = HTTPConnection("127.0.0.1", page, timeout=30)
        connection.request("GET", path)
        assert connection.getresponse().status == 200
        connection.close()


def test_the_dictionary_of_the_demonstration_is_left_out_and_not_offered(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    site = Path(run("-c", "from findling import installed; print(installed.site())", program="python").stdout.strip())
    (told,) = site.glob("v-*/build.js")
    build = json.loads(told.read_text("utf-8").partition("export const build = ")[2].rstrip(";\n"))
    assert build["dictionary"] is None and build["demo"]["url"]
    assert not list(site.glob("files/dictionary*"))
