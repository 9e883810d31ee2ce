#!/usr/bin/env python3
"""Runs every check and test suite, and sums up.

Owns which suites there are, in what order, and how many run at a time; must not know what they test. Invariant: every suite
runs whatever the others gave; the last line counts single tests, and a suite that fails without naming one counts as one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prepare import ARM_LINKER, ARM_RUNNER, ARM_TARGET, browser, on_arm
from steps import PYTHON, ROOT, environment

MANIFEST = ("--manifest-path", "rust/Cargo.toml")
WASM = "rust/wasm"
# V8 gives WebAssembly no SIMD on a processor without SSE 4.1.
SIMD_OFF = {"FINDLING_CHROMIUM_FLAGS": "--js-flags=--no-enable-sse4_1"}
# One suite keeps about one core busy; the browsers of more than a few at a time would want more memory than runners have.
AT_A_TIME = min(os.cpu_count() or 1, 4)
# With more threads than free cores, those of numpy mostly wait for one another: four times the processor time for the same sums.
CALM = {"OPENBLAS_NUM_THREADS": "1"}
# The last line of a test runner: pytest, cargo, node, wasm-bindgen-test. Each gives passed and failed in one or two groups.
COUNTS = (
    re.compile(r"^=* ?(?:(?P<failed>\d+) failed)?(?:, )?(?:(?P<passed>\d+) passed)?.* in [\d.]+s"),
    re.compile(r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed"),
    re.compile(r"^(?:#|ℹ) pass (?P<passed>\d+)"),
    re.compile(r"^(?:#|ℹ) fail (?P<failed>\d+)"),
)
# What the same runners write of a test that failed: its name, and the reason.
NAME = re.compile(r"^(?:FAILED |ERROR |test .* FAILED$|✖ )")
REASON = re.compile(r"^(?:E   |.*panicked at )")
# Of a suite in which everything fails, the summary stays readable.
FAILURES_SHOWN = 12


@dataclass
class Suite:
    """A command, and what it gave."""

    name: str
    command: list[str]
    extra: dict[str, str] = field(default_factory=dict)
    counts: bool = True
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    names: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Run it, passing its output on as it comes: a line at a time with the name in front, since others run beside it."""
        print(f"== {self.name}: {' '.join(self.command)}", flush=True)
        began = time.monotonic()
        with subprocess.Popen(
            self.command, cwd=ROOT, env=environment(**CALM, **self.extra), text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as running:  # fmt: skip
            assert running.stdout is not None
            for line in running.stdout:
                print(f"{self.name} | {line.rstrip()}", flush=True)
                self._count(line)
        self.seconds = time.monotonic() - began
        print(f"== {self.name}: ended after {self.seconds:.0f} s", flush=True)
        if not self.counts:
            self.passed, self.failed = int(running.returncode == 0), int(running.returncode != 0)
        elif running.returncode == 0 and self.passed == 0:
            # A runner that finds nothing to run is not a success.
            self.failed += 1
        elif running.returncode != 0 and self.failed == 0:
            self.failed = 1

    def _count(self, line: str) -> None:
        plain = re.sub(r"\x1b\[[\d;]*m", "", line)
        for pattern in COUNTS:
            if found := pattern.match(plain):
                counts = found.groupdict()
                self.passed += int(counts.get("passed") or 0)
                self.failed += int(counts.get("failed") or 0)
        for pattern, lines in ((NAME, self.names), (REASON, self.reasons)):
            if pattern.match(plain):
                lines.append(plain.rstrip())


def node_tests(folders: list[str]) -> list[str]:
    """Node before version 21 takes files only, no patterns."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.test.mjs")]
    return [str(path.relative_to(ROOT)) for path in sorted(found)]


def suites() -> list[Suite]:
    """All of them: the lints, which are quick, then the longest first, in turns with and without a browser, of which one wants more than a core."""
    chromium = browser()
    browser_place = {"FINDLING_CHROMIUM": chromium} if chromium else {}
    driver = shutil.which("chromedriver", path=environment()["PATH"])
    pytest = [str(PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    node = ["node", "--test", "--test-reporter=spec"]
    core = ["cargo", "test", *MANIFEST, "--locked", "--offline", "--profile", "quick", "--package", "findling-core", "--package", "findling-kernels", "--features", "findling-core/threads"]
    variables = f"CARGO_TARGET_{ARM_TARGET.upper().replace('-', '_')}"
    emulated = {f"{variables}_LINKER": ARM_LINKER, f"{variables}_RUNNER": " ".join(ARM_RUNNER)}
    inside = node_tests(["tests/pyodide"])
    outside = [path for path in node_tests(["tests"]) if path not in inside]
    lints = [
        Suite("rust format", ["cargo", "fmt", *MANIFEST, "--all", "--check"], counts=False),
        Suite("python lint", [str(PYTHON), "-m", "ruff", "check", "--no-cache", "."], counts=False),
        Suite("python types", [str(PYTHON), "-m", "mypy"], counts=False),
        Suite("javascript types", ["tsc", "--project", "."], counts=False),
        Suite("rust lint", ["cargo", "clippy", *MANIFEST, "--locked", "--offline", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], counts=False),
    ]
    tests = [
        Suite("browser", [*pytest, "tests/browser"], browser_place),
        Suite("python", [*pytest, "tests", "--ignore=tests/browser", "--ignore=tests/smoke", "--ignore=tests/package"]),
        Suite("browser without simd", [*pytest, "tests/browser", "-m", "not simd and not once"], browser_place | SIMD_OFF),
        Suite("rust core on aarch64", core) if on_arm() else Suite("rust core on aarch64", [*core, "--target", ARM_TARGET], emulated),
        Suite("contract in chromium", [*pytest, "tests/contract"], browser_place | {"FINDLING_CONTRACT_HOST": "chromium"}),
        Suite("rust core", core),
        Suite("browser in js", [*pytest, "tests/browser", "-m", "not simd and not once"], browser_place | SIMD_OFF | {"FINDLING_BACKEND": "js"}),
        Suite("rust core without encoder", [*core[:8], "--package", "findling-core", "--no-default-features", "--test", "reader"]),
        Suite("wheel", [*pytest, "tests/package"]),
        Suite("python in pyodide", [*node, *inside]),
        Suite("wasm in node", ["wasm-pack", "test", "--node", "--mode", "no-install", WASM, "--offline"]),
        Suite("wasm in chromium", ["wasm-pack", "test", "--headless", "--chrome", "--mode", "no-install", WASM, "--offline"], {"CHROMEDRIVER": driver} if driver else {}),
        Suite("firefox and webkit", [*pytest, "tests/smoke"]),
        Suite("node", [*node, *outside]),
    ]
    return lints + tests


def main() -> None:
    """Command line: names of suites, or all."""
    known = suites()
    names = sys.argv[1:] or [suite.name for suite in known]
    for name in names:
        if name not in {suite.name for suite in known}:
            print(f"check: there is no suite {name!r}; there are: {', '.join(suite.name for suite in known)}", file=sys.stderr)
            sys.exit(2)
    chosen = [suite for suite in known if suite.name in names]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(Suite.run, chosen))
    print("\n== summary")
    for suite in chosen:
        print(f"{'FAILED' if suite.failed else 'ok':7}{suite.name:20}{suite.passed:6} passed {suite.failed:4} failed {suite.seconds:7.1f} s")
    # Names of all suites come first: who reads a report that was cut off still knows what to run.
    failed_suites = [suite for suite in chosen if suite.failed]
    for suite, lines in [(suite, suite.names) for suite in failed_suites] + [(suite, suite.reasons) for suite in failed_suites]:
        for line in lines[-FAILURES_SHOWN:]:
            print(f"{suite.name} | {line}")
    passed, failed = sum(suite.passed for suite in chosen), sum(suite.failed for suite in chosen)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
