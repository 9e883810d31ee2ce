"""Named steps that run only when what they depend on has changed.

Owns the stamps in .cache/stamps; must not know what any step does. Invariant: a stamp is written only after its step has
ended well, and names the content of every input, so "up to date" never rests on times.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
STAMPS = CACHE / "stamps"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# Products and caches that lie among the sources.
IGNORED = {"__pycache__", "node_modules", "target", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@dataclass(frozen=True)
class Step:
    """One product: `make` runs when an input, an option, a step before it or an output has changed.

    inputs: files and folders whose content counts, relative to the repository. outputs: paths that must exist.
    after: steps whose products this one reads. options: anything else that decides the product.
    """

    name: str
    make: Callable[[], None]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    options: tuple[str, ...] = field(default=())


def files_of(paths: Iterable[str]) -> list[Path]:
    """Every file below `paths`, sorted; what is missing counts as empty."""
    found: set[Path] = set()
    for path in paths:
        place = ROOT / path
        if place.is_file():
            found.add(place)
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if name not in IGNORED]
            found.update(Path(folder, name) for name in names if not name.endswith((".pyc", ".so", ".tmp")))
    return sorted(found)


def _key(step: Step) -> str:
    total = hashlib.sha256(json.dumps([step.name, step.options]).encode())
    for name in step.after:
        stamp = STAMPS / name
        total.update(stamp.read_bytes() if stamp.is_file() else b"none")
    for path in files_of(step.inputs):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keeps a second build of the same folder waiting until this one has ended, however it ends."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    with (STAMPS / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build of this folder is running: waiting for it.", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_steps(steps: Iterable[Step]) -> None:
    """Bring every step up to date, in order; each that has work says so, and how long it took."""
    with alone():
        _run(steps)


def _run(steps: Iterable[Step]) -> None:
    for step in steps:
        stamp = STAMPS / step.name
        key = _key(step)
        complete = all((ROOT / output).exists() for output in step.outputs)
        if complete and stamp.is_file() and stamp.read_text("utf-8") == key:
            continue
        stamp.unlink(missing_ok=True)
        print(f"== {step.name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        step.make()
        missing = [output for output in step.outputs if not (ROOT / output).exists()]
        if missing:
            sys.exit(f"{step.name} ended without {', '.join(missing)}")
        write(stamp, key.encode())
        print(f"   {step.name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def write(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def replace_folder(fresh: Path, final: Path) -> None:
    """Put the finished folder `fresh` in the place of `final`."""
    old = final.with_name(f".{final.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(old)
    fresh.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    """The process environment with the project's own tools first."""
    tools = [str(VENV / "bin"), str(ROOT / ".tools" / "bin"), str(ROOT / "node_modules" / ".bin")]
    return {**os.environ, "PATH": os.pathsep.join([*tools, os.environ["PATH"]]), "VIRTUAL_ENV": str(VENV), **more}


def call(*command: str | os.PathLike[str], cwd: Path = ROOT, **more: str) -> None:
    """Run a tool; where it fails, end with its name and status (its own output has said why)."""
    finished = subprocess.run(command, cwd=cwd, env=environment(**more), stdout=sys.stderr)
    if finished.returncode != 0:
        sys.exit(f"failed ({finished.returncode}): {' '.join(str(part) for part in command)}")
