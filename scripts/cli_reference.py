#!/usr/bin/env python3
"""Writes docs/guide/cli.md: every command with its arguments, options, variables and exit codes, as the program itself knows them.

Owns the form of the page; must not know any command by name. Invariant: the same program gives the same text on every machine.

    cli_reference.py            write the page
"""

from __future__ import annotations

import re
from typing import Any

import typer

from findling import cli
from steps import ROOT, write

PAGE = ROOT / "docs" / "guide" / "cli.md"
HEAD = """# Commands

What `findling --help` and `findling COMMAND --help` tell, in one place; docs/guide/command-line.md says what the commands are for.
Written by `scripts/cli_reference.py`, and compared by a test.

Each option has a variable too, FINDLING_ with the names of the command and the option, such as FINDLING_SEARCH_LIMIT; some have a shorter one, which is
told below. What is on the command line counts more than a variable, and that more than a file of settings.
"""


def page() -> str:
    """The page's text."""
    group = typer.main.get_group(cli.app)
    parts = [HEAD, _parameters("findling [OPTIONS] COMMAND", group.help or "", group.params)]
    for name, command in group.commands.items():
        arguments = " ".join(str(each.metavar) for each in command.params if each.param_type_name == "argument")
        parts.append(f"## {name}\n\n" + _parameters(f"findling {name} [OPTIONS] {arguments}".rstrip(), command.help or "", command.params))
    codes = (cli.__doc__ or "").split("Exit codes:")[1]
    parts.append(f"## Exit codes\n\n{' '.join(codes.split())}\n")
    return "\n".join(parts)


def _parameters(usage: str, help: str, parameters: list[Any]) -> str:
    rows = [_row(each) for each in parameters if each.name != "help"]
    text = f"    {usage}\n\n{' '.join(help.split())}\n"
    return f"{text}\n| | |\n|---|---|\n" + "".join(rows) if rows else text


def _row(each: Any) -> str:
    if each.param_type_name == "argument":
        name = str(each.metavar or each.name)
    else:
        value = "" if each.is_flag else f" {each.metavar or _kind(each)}"
        name = ", ".join(sorted(each.opts, key=len)) + value
    told = [str(each.help or "").rstrip(".")]
    if getattr(each, "envvar", None):
        told.append(f"variable {each.envvar}")
    if each.default not in (None, False, "") and not callable(each.default) and each.param_type_name == "option":
        told.append(f"{each.default} if not given")
    return f"| `{name.replace('|', chr(92) + '|')}` | {re.sub(r'[|]', chr(92) + '|', '; '.join(told))} |\n"


def _kind(each: Any) -> str:
    choices = getattr(each.type, "choices", None)
    return "|".join(map(str, choices)) if choices else str(each.type.name).upper()


if __name__ == "__main__":
    write(PAGE, page().encode())
