"""The examples of the guide run as they are printed.

Owns the taking of code out of a page. Must not know what the examples show; they assert it themselves, or print it.
Invariant: nothing is added to an example but the import that its page tells of.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from findling.query import Query, read

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide" / "vector-index.md"
LOAD = """
import { start } from "./tests/node/tiers.mjs";
const { VectorIndex } = await start({ backend: "wasm-scalar" });
"""


def example(language: str, page: Path = GUIDE) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(code)


def test_the_example_in_python_holds() -> None:
    exec(compile(example("python"), str(GUIDE), "exec"), {})


def test_the_example_of_the_package_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/cake.txt").write_text("Flour, butter and sugar make a cake.", "utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(example("python", ROOT / "docs/guide/python.md"), "python.md", "exec"), {})
    assert (tmp_path / "notes.findling").is_file()


def test_the_example_of_keeping_keeps(tmp_path: Path, model: bytes) -> None:
    named: dict[str, Any] = {}
    exec(compile(example("python", ROOT / "docs/guide/keeping.md"), "keeping.md", "exec"), named)
    (told,) = named["asyncio"].run(named["notes"](model, tmp_path))["collections"]
    assert (told["title"], told["documents"], told["saved"]) == ("My notes", 1, True)
    assert told["size_bytes"] == sum(path.stat().st_size for path in (tmp_path / "notes").iterdir())


def test_the_example_in_javascript_prints_the_nearest() -> None:
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", LOAD + example("js")], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ran.stdout, ran.stderr) == ("8 9\n", "")


def test_the_table_of_the_spec_has_a_row_for_every_key() -> None:
    keys = re.findall(r"^    pub (\w+):", (ROOT / "rust/core/src/vectors/spec.rs").read_text("utf-8"), re.MULTILINE)
    table = GUIDE.read_text("utf-8").split("## What it is made for")[1].split("\n\n")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == keys


def typed(heading: str) -> list[str]:
    """The queries in the first column of the first table under a heading of the page about queries."""
    page = ("\n" + (ROOT / "docs" / "guide" / "queries.md").read_text("utf-8")).split(f"\n{heading}\n")[1]
    rows = [line.split(" | ")[0] for line in page.split("\n\n## ")[0].split("\n") if line.startswith("| `")]
    assert len(rows) > 5
    return [query for row in rows for query in re.findall(r"`([^`]+)`", row)]


def test_every_operator_of_the_guide_is_one() -> None:
    for query in typed("# What can be typed"):
        found = read(f"{query} sea", known=("kind", "size", "date"))
        assert found.free == "sea", query
        assert found.phrases or found.within or found.without or found.filters, query


def test_what_the_guide_says_is_no_operator_is_none() -> None:
    for query in typed("## What is no operator"):
        assert read(query, known=("kind", "size", "date")) == Query(query, query), query
