"""What has to be fetched: every file a visit needs, as it is and compressed.

Owns what counts as one visit. Must not know what the files hold. Invariant: the compressed sizes are those of gzip at its
best, which every server has, and for WebAssembly also of Brotli; the baseline is what stock Pyodide alone would fetch,
compressed the same way, or a limit. A part of the engine is the bodies of its functions, compressed alone.
"""

import gzip
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import _parts
from _chromium import DIST
from _report import ROOT, report

STOCK_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
BROTLI = """
const { brotliCompressSync } = await import("node:zlib");
console.log(brotliCompressSync((await import("node:fs")).readFileSync(process.argv[1])).length);
"""
"""Node's, at its default, which is the best quality."""
BROTLI_LIMIT_KB = 400.0
READER_LIMIT_KB = 280.0
TIER = "wasm-simd"
"""The tier whose parts are told."""
NAMED = ROOT / "target" / TIER / "wasm32-unknown-unknown" / "wasm" / "findling_wasm.wasm"
"""Its module as the last build left it, with the names of its functions."""


def brotli(path: Path) -> int:
    """Bytes of one file compressed with Brotli."""
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", BROTLI, str(path)], capture_output=True, text=True, check=True
    )
    return int(ran.stdout)


def report_parts() -> None:
    """The engine without its encoder, then all of it by part."""
    script = ROOT / "scripts" / "engine.py"
    with tempfile.TemporaryDirectory() as folder:
        for more in (["--without-encoder"], []):
            subprocess.run([sys.executable, script, f"{folder}/engine", "--tier", TIER, *more], check=True)
            if more:
                size = brotli(Path(folder, "engine", f"findling-{TIER}.wasm")) / 1000
                report("size", f"engine {TIER} without encoder, WebAssembly", "brotli", size, "kB", READER_LIMIT_KB)
        for part, bodies in sorted(_parts.parts(NAMED).items()):
            alone = Path(folder, "part")
            alone.write_bytes(bodies)
            report("size", f"engine {TIER}: {part}", "plain", len(bodies) / 1000, "kB")
            report("size", f"engine {TIER}: {part}", "brotli", brotli(alone) / 1000, "kB")


def sizes(paths: list[Path]) -> tuple[int, int]:
    """Bytes as they are, and compressed one by one."""
    contents = [path.read_bytes() for path in paths]
    return sum(map(len, contents)), sum(len(gzip.compress(content, 9)) for content in contents)


def main() -> None:
    shell = next(DIST.glob("v-*"))
    text = (shell / "build.js").read_text("utf-8")
    found = re.search(r"\{.*\}", text, re.DOTALL)
    assert found is not None, "build.js holds one object"
    build = json.loads(found[0])
    files = {name: shell / build["python"][name] for name in ("mjs", "asm_mjs", "asm_wasm", "boot")}
    engine = {tier: [shell / part for name, part in entry.items() if name in ("js", "wasm")] for tier, entry in build["engine"].items()}
    stock = [ROOT / "node_modules" / "pyodide" / name for name in STOCK_FILES]
    parts = {
        "shell": [DIST / "index.html", *(path for path in shell.rglob("*") if path.is_file())],
        **{f"engine {tier}": paths for tier, paths in engine.items()},
        "python": list(files.values()),
        "model": [shell / build["model"]["url"]],
        "demonstration": [shell / build["demo"]["url"]],
    }
    _, stock_packed = sizes(stock)
    for name, paths in parts.items():
        plain, packed = sizes(paths)
        report("size", name, "plain", plain / 1000, "kB")
        report("size", name, "gzip", packed / 1000, "kB", stock_packed / 1000 if name == "python" else None)
    for tier in ("wasm-relaxed", "wasm-simd"):
        (wasm,) = (path for path in engine[tier] if path.suffix == ".wasm")
        report("size", f"engine {tier}, WebAssembly", "brotli", brotli(wasm) / 1000, "kB", BROTLI_LIMIT_KB)
    report_parts()
    visit = [path for name in ("shell", "engine wasm-relaxed", "python", "model", "demonstration") for path in parts[name]]
    plain, packed = sizes(visit)
    report("size", "first visit", "plain", plain / 1000, "kB")
    report("size", "first visit", "gzip", packed / 1000, "kB")


if __name__ == "__main__":
    main()
