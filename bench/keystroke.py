"""How long a keystroke takes to become hits on the screen, on each engine tier.

Owns the typing and the clock. Must not know how hits are found. Invariant: a key is pressed only after the hits of the
one before are painted and a pause that spreads the keys evenly over the time between two frames, as a person's fall; the
baseline is the same keystroke to the next painted frame, which is what a page that computes nothing would need.
"""

import random
import statistics
import sys
import time

from _chromium import DIST, chromium, served
from _report import report, say
from playwright.sync_api import Page

TIERS = ("wasm-relaxed", "wasm-simd", "wasm-scalar", "js")
QUERIES = (
    "feeling sick with a fever",
    "vehicle that flies to the moon",
    "place where you borrow books",
    "stormy weather with lightning",
    "putting money into an account",
    "frozen dessert on a hot day",
)
FRAME_S = 1 / 60
WATCH = """
window.samples = [];
const painted = (then) => requestAnimationFrame(() => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => then(performance.now());
  port2.postMessage(null);
});
let typed = null;
addEventListener('input', ({target, timeStamp}) => {
  typed = {value: target.value.trim(), start: timeStamp, frame: 0};
  const mine = typed;
  painted((now) => { mine.frame = now - mine.start; });
}, true);
addEventListener('DOMContentLoaded', () => {
  new MutationObserver(() => {
    const mine = typed;
    if (!mine || document.documentElement.dataset.answered !== mine.value) return;
    typed = null;
    painted((now) => window.samples.push([now - mine.start, mine.frame]));
  }).observe(document.documentElement, {attributeFilter: ['data-answered']});
});
"""


def typed(page: Page) -> list[tuple[float, float]]:
    """Type every query letter by letter; for each key the milliseconds to painted hits, and to the next frame."""
    box = page.get_by_role("searchbox")
    phase = random.Random(1)
    samples: list[tuple[float, float]] = []
    next_sample = "(n) => new Promise((done) => { const look = () => (window.samples.length >= n ? done() : setTimeout(look, 1)); look(); })"
    for query in QUERIES:
        box.fill("")
        page.evaluate("window.samples.length = 0")
        for number, letter in enumerate(query, 1):
            time.sleep(phase.uniform(0, FRAME_S))
            page.keyboard.press(letter if letter != " " else "Space")
            page.evaluate(next_sample, number)
        samples += [(took, frame) for took, frame in page.evaluate("window.samples")]
    return samples


def main() -> None:
    tiers = [name for name in TIERS if not sys.argv[1:] or name in sys.argv[1:]]
    with served(DIST) as site, chromium() as context:
        for tier in tiers:
            say(f"keystroke: {tier}")
            page = context.new_page()
            page.add_init_script(WATCH)
            page.goto(f"{site}?backend={tier}")
            page.wait_for_selector("html[data-ready]")
            typed(page)
            samples = typed(page)
            page.close()
            took, frame = ([pair[k] for pair in samples] for k in (0, 1))
            p95 = [statistics.quantiles(values, n=20)[-1] for values in (took, frame)]
            report("keystroke", tier, "median", statistics.median(took), "ms", statistics.median(frame))
            report("keystroke", tier, "p95", p95[0], "ms", p95[1])


if __name__ == "__main__":
    main()
