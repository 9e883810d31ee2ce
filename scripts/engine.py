#!/usr/bin/env python3
"""Builds the engine tiers for JavaScript hosts: one crate, four products.

Owns the compiler flags of each tier and the translation of the scalar module to plain JavaScript. It must not know who
loads the files. Invariant: the same sources and tools give the same bytes, and OUTDIR is replaced as a whole or not at all.

    engine.py OUTDIR [--dev] [--tier NAME ...] [--without-encoder]   findling-<tier>.js and .wasm (tier js: only .js)
    engine.py OUTDIR [--dev] --target web|bundler|nodejs             the npm package: all tiers, loader, types, package.json
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import engine_package  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
# The profile of rust/Cargo.toml for what visitors fetch.
SMALL = "wasm"
TOOLS = [ROOT / ".tools" / "bin", ROOT / "node_modules" / ".bin"]

# WebAssembly as of its first version, plus mutable globals, which wasm-bindgen's shadow stack needs and wasm2js accepts.
MVP = ["--mvp-features", "--enable-mutable-globals"]
# What rustc's wasm32 target turns on by default. Named here because wasm-opt refuses what it is not told of.
BASELINE = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
]


@dataclasses.dataclass(frozen=True)
class Tier:
    """One product: what rustc is told, which folder it compiles in, what wasm-opt may use."""

    name: str
    folder: str
    rustflags: tuple[str, ...]
    features: tuple[str, ...]
    wasm_opt: tuple[str, ...]
    mvp: bool = False
    encoder: bool = True

    @property
    def label(self) -> str:
        """Name of its folder of finished files."""
        return self.name if self.encoder else f"{self.name}-without-encoder"


TIERS = {
    tier.name: tier
    for tier in (
        Tier(
            "wasm-relaxed",
            "wasm-relaxed",
            ("-Ctarget-feature=+simd128,+relaxed-simd",),
            (),
            (*BASELINE, "--enable-simd", "--enable-relaxed-simd"),
        ),
        Tier(
            "wasm-simd",
            "wasm-simd",
            ("-Ctarget-feature=+simd128",),
            (),
            (*BASELINE, "--enable-simd"),
        ),
        # The standard library that ships with rustc uses newer features than the first version of WebAssembly has.
        Tier("wasm-scalar", "wasm-mvp", ("-Ctarget-cpu=mvp",), (), tuple(MVP), mvp=True),
        Tier("js", "wasm-mvp", ("-Ctarget-cpu=mvp",), ("js",), tuple(MVP), mvp=True),
    )
}


def run(command: list[str | os.PathLike[str]], **environment: str) -> None:
    """Runs one tool, found in the project's own folders first."""
    path = os.pathsep.join([*map(str, TOOLS), os.environ["PATH"]])
    env = {**os.environ, **environment, "PATH": path}
    program = shutil.which(os.fspath(command[0]), path=path)
    if program is None:
        sys.exit(f"engine.py: {os.fspath(command[0])} is missing: run ./build.sh setup")
    finished = subprocess.run([program, *command[1:]], env=env, cwd=ROOT, stdout=sys.stderr)
    if finished.returncode != 0:
        sys.exit(f"engine.py: failed: {' '.join(str(part) for part in command)}")


def output_of(*command: str) -> str:
    """What a tool prints, for the cache key."""
    path = os.pathsep.join([*map(str, TOOLS), os.environ["PATH"]])
    program = shutil.which(command[0], path=path)
    if program is None:
        sys.exit(f"engine.py: {command[0]} is missing: run ./build.sh setup")
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def compile_crate(tier: Tier, profile: str, package: str = "findling-wasm") -> Path:
    """cargo build of a package; returns the linked module. Each set of flags has its own folder, else every switch rebuilds all."""
    folder = ROOT / "target" / tier.folder
    # No path of this machine may reach the product: panic messages hold the names of source files.
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    remap = [
        f"--remap-path-prefix={ROOT}=.",
        f"--remap-path-prefix={cargo_home}=cargo",
        f"--remap-path-prefix={output_of('rustc', '--print', 'sysroot')}=rust",
    ]
    # A panic is a trap at once: what it would say is a part of what every visitor fetches.
    panics = ["-Zunstable-options", "-Cpanic=immediate-abort"] if profile == SMALL else []
    environment = {
        "CARGO_TARGET_DIR": str(folder),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*tier.rustflags, *panics, *remap]),
    }
    command: list[str | os.PathLike[str]] = [
        "cargo", "build", "--quiet", "--locked", "--manifest-path", ROOT / "rust" / "Cargo.toml",
        "--package", package, "--target", "wasm32-unknown-unknown", "--profile", profile,
    ]  # fmt: skip
    if package == "findling-wasm":
        features = (*tier.features, *(("encoder", "authoring") if tier.encoder else ()))
        command += ["--no-default-features", "--features", ",".join(features)]
    if tier.mvp or profile == SMALL:
        # The small form of the standard library sorts with a small part of the code.
        command += ["-Zbuild-std=std,panic_abort"]
        command += ["-Zbuild-std-features=optimize_for_size"] if profile == SMALL else []
        environment["RUSTC_BOOTSTRAP"] = "1"
    run(command, **environment)
    return folder / "wasm32-unknown-unknown" / profile / f"{package.replace('-', '_')}.wasm"


def bind(tier: Tier, module: Path, into: Path, optimise: bool) -> None:
    """From the linked module to the files of the tier in `into`: .js, .wasm (not for js) and .d.ts."""
    stem = f"findling-{tier.name}"
    run(["wasm-bindgen", "--target", "web", "--omit-default-module-path", "--remove-producers-section",
         "--out-dir", into, "--out-name", stem, module])  # fmt: skip
    raw, wasm, glue = into / f"{stem}_bg.wasm", into / f"{stem}.wasm", into / f"{stem}.js"
    (into / f"{stem}_bg.wasm.d.ts").unlink()
    finish(tier, raw, wasm, optimise)
    raw.unlink()
    if tier.name == "js":
        translate(tier, wasm, raw, optimise)
        glue.write_text(javascript_only(raw.read_text("utf-8"), glue.read_text("utf-8")), "utf-8")
        raw.unlink()
        wasm.unlink()


def finish(tier: Tier, module: Path, to: Path, optimise: bool) -> None:
    """wasm-opt, held to what the hosts of the tier understand. `module` may be changed."""
    # What is alike lies together as rustc left it, and zeros compress: reordering or packing would make the file larger to fetch.
    level = ["-Os", "--skip-pass=memory-packing", "--strip-debug", "--strip-producers", "--strip-target-features"] if optimise else []
    if tier.mvp:
        # wasm-bindgen leaves a few sign extensions of its own: lower them before holding the module to MVP.
        run(["wasm-opt", *MVP, "--enable-sign-ext", "--signext-lowering", module, "-o", module])
    run(["wasm-opt", *tier.wasm_opt, *level, module, "-o", to])


def translate(tier: Tier, wasm: Path, to: Path, optimise: bool) -> None:
    """A finished module as JavaScript."""
    run(["wasm2js", *tier.wasm_opt, *(["-O"] if optimise else []), wasm, "-o", to])


def replaced(pattern: str, replacement: str, text: str, what: str) -> str:
    """re.sub that insists on exactly one match: tools change their output, and a silent miss would ship a broken file."""
    result, count = re.subn(pattern, lambda _: replacement, text, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        sys.exit(f"engine.py: expected one {what} in the generated JavaScript, found {count}: a tool has changed its output")
    return result


def javascript_only(translated: str, glue: str) -> str:
    """Joins wasm2js output and wasm-bindgen glue to one ES module that needs no WebAssembly.

    The glue reaches the engine only through the names `WebAssembly.instantiate`, `.Module` and `.Instance`; a local
    object of that name stands in for the host's and instantiates the translated function. `init()` then takes no module.
    """
    body = replaced(r"^import \* as \S+ from '[^']*';$", "", translated, "import")
    body = replaced(r"^var retasmFunc = asmFunc\(.*\Z", "", body, "instantiation")
    # A grown WebAssembly memory detaches its old buffer, so views over it become empty; here the old buffer lives on.
    glue = replaced(
        r"cachedUint8ArrayMemory0\.byteLength === 0",
        "cachedUint8ArrayMemory0.buffer !== wasm.memory.buffer",
        glue,
        "check of the memory view",
    )
    glue = replaced(
        r"cachedDataViewMemory0\.buffer\.detached === true",
        "cachedDataViewMemory0.buffer !== wasm.memory.buffer",
        glue,
        "check of the data view",
    )
    stand_in = (
        "const WebAssembly = (() => {\n" + body.strip("\n") + "\n"
        "class Module {}\n"
        "class Instance {\n  constructor(module, imports) {\n    this.exports = asmFunc(imports);\n  }\n}\n"
        "const instantiate = async (module, imports) => new Instance(module, imports);\n"
        "return { Module, Instance, instantiate };\n})();\n"
    )
    return stand_in + glue


def build(tier: Tier, dev: bool, tools: str) -> Path:
    """The folder that holds the finished files of one tier; what did not change is not made again."""
    profile = "quick" if dev else SMALL
    began = time.monotonic()
    module = compile_crate(tier, profile)
    parts = [tools.encode(), Path(__file__).read_bytes(), repr((tier, dev)).encode(), module.read_bytes()]
    key = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    folder = ROOT / "target" / "engine" / profile / tier.label
    stamp = folder / "key"
    if not stamp.is_file() or stamp.read_text() != key:
        fresh = folder.with_name(f"{tier.label}.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        bind(tier, module, fresh, optimise=not dev)
        (fresh / "key").write_text(key)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    sizes = ", ".join(f"{p.name} {p.stat().st_size:,}" for p in sorted(folder.glob("findling-*")) if p.suffix != ".ts")
    print(f"engine: {sizes} bytes ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return folder


def build_all(tiers: list[Tier], dev: bool) -> dict[str, Path]:
    """Builds tiers; those that share a compiler folder one after the other, the rest side by side."""
    tools = "\n".join(
        output_of(tool, "--version") for tool in ("rustc", "wasm-bindgen", "wasm-opt", "wasm2js")
    )
    queues: dict[str, list[Tier]] = {}
    for tier in tiers:
        queues.setdefault(tier.folder, []).append(tier)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs = [pool.submit(lambda q: [(t.name, build(t, dev, tools)) for t in q], queue) for queue in queues.values()]
        return dict(pair for job in jobs for pair in job.result())


def publish(out: Path, fill: dict[str, Path | str]) -> None:
    """Replaces the folder `out` by one with these files (a path is copied, a text is written)."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    for name, source in sorted(fill.items()):
        if isinstance(source, Path):
            shutil.copyfile(source, fresh / name)
        else:
            (fresh / name).write_text(source, "utf-8")
    if out.exists():
        out.rename(old)
    fresh.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, metavar="OUTDIR")
    parser.add_argument("--dev", action="store_true", help="compile quickly, optimise less")
    parser.add_argument("--tier", action="append", choices=list(TIERS), help="only this tier (may be repeated)")
    parser.add_argument("--without-encoder", action="store_true", help="for readers of collections: no model, no publishing, no VectorIndex, no compute")
    parser.add_argument("--target", choices=engine_package.TARGETS, help="make the npm package for this kind of host")
    options = parser.parse_args()
    tiers = [dataclasses.replace(TIERS[name], encoder=not options.without_encoder) for name in options.tier or TIERS]
    if options.target and (options.tier or options.without_encoder):
        parser.error("a package holds all of every tier: leave out --tier and --without-encoder")
    folders = build_all(tiers, options.dev)
    files: dict[str, Path | str] = {
        path.name: path for folder in folders.values() for path in folder.glob("findling-*") if path.suffix != ".ts"
    }
    if options.target:
        files |= engine_package.files(options.target, ROOT, folders)
    publish(options.out, files)


if __name__ == "__main__":
    main()
