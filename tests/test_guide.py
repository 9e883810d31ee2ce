"""The examples of the guide run as they are printed.

Owns the taking of code out of a page. Must not know what the examples show; they assert it themselves, or print it.
Invariant: nothing is added to an example but the import that its page tells of.
"""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide" / "vector-index.md"
LOAD = """
import { start } from "./tests/node/tiers.mjs";
const { VectorIndex } = await start({ backend: "wasm-scalar" });
"""


def example(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(code)


def test_the_example_in_python_holds() -> None:
    exec(compile(example("python"), str(GUIDE), "exec"), {})


def test_the_example_in_javascript_prints_the_nearest() -> None:
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", LOAD + example("js")], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ran.stdout, ran.stderr) == ("8 9\n", "")


def test_the_table_of_the_spec_has_a_row_for_every_key() -> None:
    keys = re.findall(r"^    pub (\w+):", (ROOT / "rust/core/src/vectors/spec.rs").read_text("utf-8"), re.MULTILINE)
    table = GUIDE.read_text("utf-8").split("## What it is made for")[1].split("\n\n")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == keys
