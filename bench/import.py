"""How long a browser takes to embed an import: with the pool, and by the single worker.

Owns the documents, which are the same for both. Must not know how they are shared out. Invariant: the two take turns on
one page, each with a worker of its own that is ready before the clock starts; the least of each counts.
"""

from _chromium import DIST, chromium, served
from _report import report, say

DOCUMENTS = 400
ROUNDS = 3
IMPORT = """
async ([version, count, pool]) => {
  const { Client } = await import(`/${version}/web/client.js`);
  const client = new Client({ pool });
  const words = ["storm", "river", "house", "green", "music", "stone", "table", "light", "water", "paper"];
  const text = (n) => Array.from({ length: 30 + (n % 20) }, (_, i) => words[(n * 7 + i * 3) % words.length]).join(" ");
  const documents = Array.from({ length: count }, (_, n) => ({ id: `${n}`, text: text(n) }));
  await client.call("open", { collection: "own" });
  const { pool: { size } } = await client.call("status", {});
  const waits = [];
  let done = false;
  const start = performance.now();
  const adding = client.call("add", { collection: "own", documents }).then(() => {
    done = true;
    return performance.now() - start;
  });
  while (!done) {
    const asked = performance.now();
    await client.search({ collection: "own", query: "stones in the water" });
    if (!done) waits.push(performance.now() - asked);
    // Spread, because a fixed pause would fall into step with the slices of the import.
    await new Promise((resume) => setTimeout(resume, 20 + ((waits.length * 67) % 160)));
  }
  client.close();
  waits.sort((a, b) => a - b);
  return { size, took: await adding, wait: waits[waits.length >> 1] };
}
"""


def main() -> None:
    version = next(DIST.glob("v-*")).name
    with served(DIST) as site, chromium() as context:
        page = context.pages[0]
        # Any address of the site that starts no worker: the page itself would compete for the processor.
        page.goto(f"{site}define.js")
        runs: dict[str | None, list[dict[str, float]]] = {"1": [], None: []}
        for number in range(ROUNDS):
            for pool, seen in runs.items():
                seen.append(page.evaluate(IMPORT, [version, DOCUMENTS, pool]))
                say(f"import: round {number + 1}, {seen[-1]}")
    single, shared = runs["1"], runs[None]
    size = round(shared[0]["size"])
    for metric, key in (("time", "took"), ("search meanwhile, median wait", "wait")):
        least = [min(run[key] for run in some) for some in (shared, single)]
        report("import", f"{DOCUMENTS} documents, {size} workers (least of {ROUNDS})", metric, least[0], "ms", least[1])


if __name__ == "__main__":
    main()
