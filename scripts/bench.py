#!/usr/bin/env python3
"""Runs benchmarks by name and hands them the built things and the collections.

Owns which benchmarks there are and their order; must not know what they measure. Invariant: standard output holds only
JSON lines, of which the first names the machine, so that it can be kept as a record (bench/records); a benchmark that
cannot run ends with a sentence and a failure, and the others still run.

    bench.py [NAME...]    bench/NAME.py
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from prepare import browser
from steps import PYTHON, ROOT, environment

sys.path.append(str(ROOT / "bench"))
from _report import DATA  # noqa: E402  (One place says where the collections lie.)

# All but `remote`, which `static` runs too, and `million`, which takes minutes and 2 GB.
NAMES = ("embed", "accuracy", "vector", "tokens", "boot", "keystroke", "import", "size", "memory", "emoji", "relevance", "static", "lexical", "collection", "store", "hostile")


def command(name: str) -> list[str]:
    """How to run one benchmark."""
    script = ROOT / "bench" / f"{name}.py"
    if script.is_file():
        return [str(PYTHON), str(script)]
    known = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if not path.name.startswith("_"))
    sys.exit(f"bench: there is no benchmark {name!r}; there are {', '.join(known)}")


def machine() -> dict[str, object]:
    """What a figure depends on besides the code."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    rustc = subprocess.run(["rustc", "--version"], env=environment(), capture_output=True, text=True)
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "rustc": rustc.stdout.strip(),
        "python": platform.python_version(),
    }


def main() -> None:
    """Command line."""
    chosen = [(name, command(name)) for name in sys.argv[1:] or NAMES]
    data = DATA.resolve()
    if not data.is_dir():
        print(f"bench: the collections are missing: {data} is no folder; set FINDLING_DATA to the folder that holds them", file=sys.stderr)
    extra = {"FINDLING_DATA": str(data), "PYTHONPATH": str(ROOT / "py")}
    if path := browser():
        extra["FINDLING_CHROMIUM"] = path
    names = [name for name, _ in chosen]
    print(json.dumps({"machine": machine(), "command": " ".join(["./build.sh bench", *names])}), flush=True)
    failed = []
    for name, line in chosen:
        print(f"== bench {name}", file=sys.stderr, flush=True)
        if subprocess.run(line, cwd=ROOT, env=environment(**extra)).returncode != 0:
            failed.append(name)
    if failed:
        sys.exit(f"bench: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
