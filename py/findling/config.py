"""What is written down once for all commands: `findling.toml`, or the table `[tool.findling]` of `pyproject.toml`.

Owns where it is looked for and its form. Must not know what an option does. Invariant: a key that no command has is an error,
never ignored; a path counts from the folder of its file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from findling.errors import BadRequest, NotFound

FILE, PROJECT = "findling.toml", "pyproject.toml"

Known = Mapping[str, Mapping[str, bool]]
"""The options of each command, and whether the value of each is a path."""


def find(folder: Path, named: Path | None = None) -> Path | None:
    """The file that is named, else the one in `folder` that says something of Findling; raises `NotFound` for one that is named and is not there."""
    if named is not None:
        if not named.is_file():
            raise NotFound(f"there is no file {named}", file=str(named))
        return named
    if (folder / FILE).is_file():
        return folder / FILE
    project = folder / PROJECT
    return project if project.is_file() and "findling" in _table(project).get("tool", {}) else None


def read(file: Path, known: Known) -> dict[str, dict[str, Any]]:
    """The defaults of each command's options; raises `BadRequest` for what is no TOML, or names no option."""
    table = _table(file)
    table = table.get("tool", {}).get("findling", {}) if file.name == PROJECT else table
    defaults: dict[str, dict[str, Any]] = {command: {} for command in known}
    for key, value in table.items():
        if isinstance(value, dict):
            for option, given in value.items():
                _set(defaults, file, key, option, given, known)
            continue
        having = [command for command in known if key in known[command]]
        if not having:
            raise BadRequest(f"{file}: {key!r} is neither a command nor an option", key=key)
        for command in having:
            # What is said for one command counts more than what is said for all.
            if key not in table.get(command, {}):
                _set(defaults, file, command, key, value, known)
    return defaults


def _set(defaults: dict[str, dict[str, Any]], file: Path, command: str, option: str, value: Any, known: Known) -> None:
    if option not in known.get(command, {}):
        raise BadRequest(f"{file}: [{command}] {option!r} is no option of a command; see findling --help", key=f"{command}.{option}")
    is_path = known[command][option]
    defaults[command][option.replace("-", "_")] = _from(file.parent, value) if is_path else value


def _from(folder: Path, value: Any) -> Any:
    if isinstance(value, list):
        return [_from(folder, each) for each in value]
    return value if not isinstance(value, str) or "://" in value else str(folder / value)


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} is not TOML: {error}", file=str(file)) from error
