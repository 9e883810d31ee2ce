"""The linear layer alone in a page, tier by tier, between the two rates it is held against: the relaxed dot product with
nothing to do, and a multiplication written by hand in JavaScript.

Owns how the modules are made and laid out. Must not know how a tier computes. Invariant: a module is compiled, optimised
and translated exactly as the tier of its name is (scripts/engine.py).
"""

import shutil
import subprocess
import sys
from pathlib import Path

import _chromium
from _report import ROOT
from playwright.sync_api import Page

sys.path.insert(0, str(ROOT / "scripts"))
import engine as products  # noqa: E402  (The build's own script; `findling.engine` is another thing.)

TIERS = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
SLOW_TIERS = ("wasm-scalar", "js")
PEAK_FLAGS = ("-C", "opt-level=3", "-C", "target-feature=+simd128,+relaxed-simd", "-C", "panic=abort")


def lay_out(folder: Path) -> None:
    """The page's folder: gemm.page.js and all it loads."""
    _chromium.lay_out(folder, "gemm.page.js", engines=False)
    for name in TIERS:
        tier = products.TIERS[name]
        raw, wasm = folder / "raw.wasm", folder / f"{name}.wasm"
        shutil.copyfile(products.compile_crate(tier, "release", "findling-gemm"), raw)
        products.finish(tier, raw, wasm, optimise=True)
        if name == "js":
            products.translate(tier, wasm, folder / f"{name}.js", optimise=True)
    rustc = ["rustc", "--edition", "2024", "--target", "wasm32-unknown-unknown", "--crate-type", "cdylib", *PEAK_FLAGS]
    subprocess.run([*rustc, "-o", str(folder / "peak.wasm"), str(ROOT / "bench" / "peak.rs")], check=True)
    shutil.copy(ROOT / "bench" / "gemm.js", folder)


def measure(page: Page, tier: str, rows: int, inputs: int, outputs: int, turns: int) -> tuple[float, float, float]:
    """GMAC/s of the tier's layer, of the relaxed dot product alone and of the multiplication by hand, each the best of `turns`."""
    rate, peak, by_hand = _chromium.call(page, "measure", tier, rows, inputs, outputs, turns)
    return float(rate), float(peak), float(by_hand)
