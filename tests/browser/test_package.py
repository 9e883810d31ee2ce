"""The npm package with the engine, as each kind of host would use it: Node, a page without a bundler, a page behind one.

Owns a program in the words of the package's own manual. Must not know how the package is made. Invariant: every host
finds the same hits, those of the native engine.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findling import engine

from .conftest import ROOT, Visit
from .site import Site

MODEL = ROOT / ".cache" / "model" / "all-MiniLM-L6-v2.findling"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the package for a kind of host."""

    def make(target: str) -> Path:
        folder = tmp_path_factory.mktemp(target) / "findling"
        subprocess.run([sys.executable, ROOT / "scripts" / "engine.py", folder, "--target", target], check=True)
        return folder

    return make


def program(manual: Path) -> str:
    """The manual's first example, which leaves its answer in `hits`."""
    code, _ = re.findall(r"```js\n(.*?)```", manual.read_text("utf-8"), re.DOTALL)
    example, found = re.subn(r"^value\(engine\.search", "const hits = value(engine.search", code, flags=re.MULTILINE)
    assert found == 1
    return example


def native_hits() -> Any:
    own = engine.load()
    own.load_model(MODEL.read_bytes())
    own.open(engine.encode({"index": "notes"}))
    document = {"id": "1", "passages": ["a storm is coming"], "record": {}}
    own.add(engine.encode({"index": "notes", "documents": [document]}))
    return json.loads(own.search(engine.encode({"index": "notes", "text": "bad weather", "limit": 5})))["hits"]


def test_node_runs_the_example_of_the_manual(package: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(package("nodejs"), tmp_path / "node_modules" / "findling")
    main = tmp_path / "main.mjs"
    read = 'import { readFileSync } from "node:fs";\nconst modelFile = readFileSync(process.argv[2]);\n'
    main.write_text(f"{read}{program(tmp_path / 'node_modules/findling/README.md')}\nconsole.log(JSON.stringify({{ backend, hits }}));")
    ran = subprocess.run(["node", main, MODEL], capture_output=True, text=True, check=True)
    answer = json.loads(ran.stdout)
    assert answer["hits"] == native_hits()
    assert answer["backend"] in ("wasm-relaxed", "wasm-simd")


@pytest.mark.simd
@pytest.mark.parametrize("target", ["web", "bundler"])
def test_a_page_runs_the_example_of_the_manual(
    package: Callable[[str], Path], serve: Callable[..., Site], visit: Callable[..., Visit], tmp_path: Path, target: str
) -> None:
    root = tmp_path / "site"
    shutil.copytree(package(target), root / "findling")
    shutil.copy(MODEL, root / "model")
    shutil.copy(ROOT / "web" / "icon.svg", root)
    (root / "index.html").write_text('<!doctype html><link rel="icon" href="icon.svg"><title>A page</title>')
    example = program(root / "findling" / "README.md").replace('"findling"', '"./findling/findling.js"')
    model = 'const modelFile = await (await fetch("model")).arrayBuffer();\n'
    (root / "main.js").write_text(f"{model}{example}\nexport {{ backend, hits }};")
    seen = visit(serve(root).url)
    answer = seen.page.evaluate("import('/main.js').then(({backend, hits}) => ({backend, hits}))")
    assert answer == {"backend": "wasm-relaxed", "hits": native_hits()}


@pytest.mark.once
def test_the_types_of_the_package_allow_what_the_manual_does(package: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(package("web"), tmp_path / "node_modules" / "findling")
    declared = "declare const modelFile: ArrayBuffer;\n"
    untyped = program(tmp_path / "node_modules" / "findling" / "README.md")
    typed = untyped.replace("(value) =>", "(value: unknown) =>").replace("(reply) =>", "(reply: Uint8Array) =>")
    (tmp_path / "main.mts").write_text(declared + typed)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"]
    checked = subprocess.run(
        [ROOT / "node_modules" / ".bin" / "tsc", *options, "main.mts"], cwd=tmp_path, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
