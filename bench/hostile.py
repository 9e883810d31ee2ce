"""Broken files and killed writers in great number: what they gave, the slowest file, and the most memory one took.

Owns how many, and which figure stands beside which limit. Must not know how files are broken. Invariant: it fails when a
single file panics, gives answers that it must not give, or exceeds a limit; every figure is printed before.

    hostile.py [COUNT [KILLS]]    default 1,000,000 over all kinds of file, 200 kills of a process that writes a collection, and half
                                  as many of a worker in a page of the built site
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _report import ROOT, report, say

COUNT = 1_000_000
SLOWEST_MS = 2000.0
KILLS = 200
LIVES = 5
"""How many different lives are ended, each at steps all over it."""
BUILD = ("cargo", "build", "--manifest-path", "rust/Cargo.toml", "--locked", "--offline", "--release", "--package", "findling-core", "--example", "hostile")
RUNNER = "target/release/examples/hostile"


def tell(line: dict[str, Any]) -> list[str]:
    """Print the figures of one kind of file; gives what went wrong with it."""
    case = line["case"]
    report("hostile", case, "files", line["files"], "files")
    for code, files in line["refused"].items():
        report("hostile", case, f"refused as {code}", files, "files", line["files"])
    report("hostile", case, "same answers", line["same"], "files", line["files"])
    if "forged" in case:
        report("hostile", case, "other answers, well formed", line["other"], "files", line["files"])
    report("hostile", case, "panics and wrong answers", len(line["wrong"]), "files", line["files"])
    report("hostile", case, "slowest file", line["slowest_ms"], "ms", SLOWEST_MS)
    report("hostile", case, "most memory beyond twice the file", line["most_over_bytes"], "bytes", line["free_bytes"])
    wrong = [f"{case}, {what}" for what in line["wrong"]]
    if line["slowest_ms"] > SLOWEST_MS:
        wrong.append(f"{case}: a file took {line['slowest_ms']:.0f} ms")
    return wrong


def killed(count: int) -> list[str]:
    """Kill a process that writes a collection into a folder, `count` times at steps of different lives; gives what went wrong."""
    sys.path[:0] = [str(ROOT / "tests/hostile"), str(ROOT / "tests/model")]
    import kept_life as life

    import families
    from findling.model import convert

    wrong: list[str] = []
    outcomes = {"old": 0, "new": 0}
    with tempfile.TemporaryDirectory() as place:
        model = Path(place, "tiny.findling")
        model.write_bytes(convert(families.write_folder(Path(place), families.TINY), calibration=["a small boat floats", "the keeper sings"]))
        steps = {seed: life.kill(Path(place, f"whole-{seed}"), model, seed, 0)[1] for seed in range(LIVES)}
        for number in range(count):
            seed = number % LIVES
            step = 1 + number // LIVES * steps[seed] // -(-count // LIVES)
            folder = Path(place, f"killed-{number}")
            saved, ended = life.kill(folder, model, seed, step)
            try:
                outcomes[life.check(folder, model, seed, saved)] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                wrong.append(f"killed at step {step} of life {seed}: {error!r}")
            if ended:
                wrong.append(f"life {seed} was not killed at step {step}")
            shutil.rmtree(folder, ignore_errors=True)
    for outcome, times in outcomes.items():
        report("hostile", "kill -9, folder", outcome, times, "kills", count)
    report("hostile", "kill -9, folder", "neither", len(wrong), "kills", count)
    return wrong


def ended(count: int) -> list[str]:
    """End a worker that writes a collection in a browser, `count` times at each of its calls in turn; gives what went wrong."""
    test = "tests/browser/test_kept.py::test_a_worker_that_ends_at_any_call_leaves_the_old_one_or_the_new_one"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", test]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"FINDLING_KILLS": str(count)}, stdout=subprocess.PIPE, text=True, check=False)
    told = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"kills"')]
    if run.returncode != 0 or not told:
        return [f"a worker that was ended in a browser: {run.stdout[-2000:]}"]
    for outcome in ("old", "new"):
        report("hostile", "worker ended, browser", outcome, told[0][outcome], "kills", told[0]["kills"])
    report("hostile", "worker ended, browser", "neither", 0, "kills", told[0]["kills"])
    return []


def main() -> None:
    """Build the runner, run it, print."""
    count = int(sys.argv[1]) if sys.argv[1:] else COUNT
    kills = int(sys.argv[2]) if sys.argv[2:] else KILLS
    # Whatever a shell has set, the runner is built as the benchmarks of speed are.
    environment = {name: value for name, value in os.environ.items() if name != "RUSTFLAGS"}
    subprocess.run(BUILD, cwd=ROOT, env=environment, check=True)
    files, wrong = 0, []
    with subprocess.Popen([ROOT / RUNNER, str(count)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            told = json.loads(line)
            say(f"hostile: {told['case']}: {told['files']} files")
            files += told["files"]
            wrong += tell(told)
    wrong += killed(kills)
    wrong += ended(kills // 2)
    report("hostile", "all", "files", files, "files")
    report("hostile", "all", "panics and wrong answers", len(wrong), "files", files)
    if wrong or running.returncode != 0:
        sys.exit("\n".join(["hostile: these must not happen:", *wrong]))


if __name__ == "__main__":
    main()
