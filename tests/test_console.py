"""What the guides show of a terminal is what a terminal shows: each command is run, and prints what stands below it.

Owns the running of transcripts. Must not know what they show. Invariant: commands run in the order of their page, in one empty folder,
with the model that is installed; numbers of bytes and scores may differ. UPDATE_GOLDEN=1 writes the pages anew.
"""

import contextlib
import importlib.util
import io
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from findling.cli import main

ROOT = Path(__file__).parent.parent
PAGES = ("my-files", "site")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def printed(command: str) -> str:
    """What a command writes to its standard output; it has to end well."""
    if not command.startswith("findling "):
        return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        assert main(shlex.split(command)[1:]) == 0, errors.getvalue()
    return output.getvalue()


def transcript(block: str) -> str:
    """A block with what its commands print now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{printed(command[2:])}" for command in commands)


def varying(text: str) -> str:
    """A transcript without what another format or ranking changes."""
    return re.sub(r"\d+ bytes", "N bytes", re.sub(r"^\d\.\d{3}", "S", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_a_guide_shows_what_its_commands_print(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [variable for variable in os.environ if variable.startswith("FINDLING_")]:
        monkeypatch.delenv(variable)
    page = ROOT / "docs/guide" / f"{name}.md"
    text = page.read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert blocks
    now = [transcript(block) for block in blocks]
    if os.environ.get("UPDATE_GOLDEN") == "1":
        fresh = iter(now)
        page.write_text(BLOCK.sub(lambda _: f"```console\n{next(fresh)}```", text), "utf-8")
        return
    assert [varying(block) for block in now] == [varying(block) for block in blocks]


def test_the_reference_of_the_command_line_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("cli_reference", ROOT / "scripts/cli_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page(), "run scripts/cli_reference.py"


def test_every_guide_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    guides = {path.name for path in (ROOT / "docs/guide").glob("*.md")}
    assert not {name for name in guides if f"docs/guide/{name}" not in readme}
