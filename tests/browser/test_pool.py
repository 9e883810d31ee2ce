"""A large import that several workers embed: the same index as one worker makes, whatever becomes of the others.

Owns the documents and the faults of the pool's workers. Must not know how texts are shared out. Invariant: which workers
live is read off the locks they hold, so a worker that only seems to have ended is found.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest

from .conftest import DIST, TIMEOUT_MS, Visit, eventually
from .site import Site

pytestmark = pytest.mark.simd
SHELL = next(iter(DIST.glob("v-*"))).name if DIST.is_dir() else ""
WORKER = "web/pool-worker.js"
DOCUMENTS = 300
PAGE = '<!doctype html><html lang="en"><title>Nothing but a script</title><link rel="icon" href="icon.svg"></html>'
ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'
LOCKS = "(await navigator.locks.query()).held.filter(({name}) => name.startsWith('findling-pool-')).length"
IMPORT = """
async ([address, pool, count]) => {
  const {Client} = await import(address);
  const client = new Client({pool});
  const words = 'storm river house green music stone table light water paper'.split(' ');
  const text = (n) => Array.from({length: 5 + (n % 9)}, (_, i) => words[(n * 7 + i * 3) % 10] + (i === 3 ? n : '')).join(' ');
  const documents = Array.from({length: count}, (_, n) => ({id: `${n}`, title: `Entry ${n}`, text: text(n)}));
  documents.push({id: 'long', title: 'A long one', text: Array.from({length: 80}, (_, n) => text(n)).join('. ')});
  await client.call('open', {collection: 'own'});
  let most = 0;
  let locks = 0;
  const onProgress = async () => {
    most = Math.max(most, (await client.call('status', {})).pool.workers);
    locks = Math.max(locks, LOCKS);
  };
  const added = await client.call('add', {collection: 'own', documents}, {onProgress});
  const {hits} = await client.search({collection: 'own', query: 'a storm over the river', limit: 20});
  const {bytes} = await client.call('save', {collection: 'own'});
  const digest = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join(' ');
  const {pool: {size, workers, reason}} = await client.call('status', {});
  client.close();
  return {index: {added, hits, digest}, size, workers, reason, most, locks};
}
""".replace("LOCKS", LOCKS)


def imported(seen: Visit, pool: int, *, shell: str = "") -> Any:
    """Add the documents with so many workers, and what came of it."""
    address = urljoin(shell or seen.page.url, f"/{SHELL}/web/client.js")
    # A promise that stays pending is what these tests are about, and Playwright would wait for it.
    late = f"new Promise((_, reject) => setTimeout(() => reject(new Error('never done')), {TIMEOUT_MS}))"
    return seen.page.evaluate(f"(given) => Promise.race([({IMPORT})(given), {late}])", [address, pool, DOCUMENTS])


def released(seen: Visit) -> None:
    """Wait until no worker of the pool lives."""
    eventually(seen.page, f"async () => {LOCKS} === 0")


@pytest.fixture
def site(site: Site) -> Site:
    """The built site, with a page in front that starts no worker of its own."""
    site.pages |= {"/index.html": PAGE, "/icon.svg": ICON}
    return site


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """The import of a single worker, once one of the tests has made it."""
    return {}


def the_single_workers(alone: dict[str, Any], seen: Visit) -> Any:
    alone["run"] = alone.get("run") or imported(seen, 1)
    return alone["run"]


def faulty(site: Site, fault: str) -> None:
    """From now on the pool's workers have a fault: a script that runs before their own."""
    real = (DIST / SHELL / WORKER).read_text(encoding="utf-8")
    site.pages[f"/{SHELL}/web/real.js"] = real
    site.pages[f"/{SHELL}/web/fault.js"] = fault
    site.pages[f"/{SHELL}/{WORKER}"] = 'import "./fault.js";\nimport "./real.js";\n'


def test_several_workers_make_the_index_that_one_makes_and_are_gone_afterwards(
    site: Site, visit: Callable[..., Visit], alone: dict[str, Any]
) -> None:
    seen = visit(site.url)
    single, shared = the_single_workers(alone, seen), imported(seen, 3)
    assert (single["size"], single["most"], single["locks"]) == (1, 0, 0)
    assert (shared["size"], shared["most"], shared["locks"], shared["workers"]) == (3, 2, 2, 0)
    assert shared["reason"] is None
    assert shared["index"] == single["index"]
    assert (shared["index"]["added"]["added"], shared["index"]["added"]["skipped"]) == (DOCUMENTS + 1, [])
    assert len(shared["index"]["hits"]) == 20
    released(seen)


# The listener of a fault is there before the worker's own, and keeps the shard from it.
FAULTS = {
    "ends without a word": "let seen = 0; addEventListener('message', (event) => { if (event.data.shard && ++seen === 2) { event.stopImmediatePropagation(); close(); } });",
    "fails at a shard": "let seen = 0; addEventListener('message', (event) => { if (event.data.shard && ++seen === 2) { event.stopImmediatePropagation(); throw new Error('trapped'); } });",
    "fails at its start": "throw new Error('not today');",
    "never starts": "await new Promise(() => {});",
}


@pytest.mark.parametrize("how", FAULTS)
def test_an_import_is_whole_when_every_worker(site: Site, visit: Callable[..., Visit], alone: dict[str, Any], how: str) -> None:
    seen = visit(site.url)
    single = the_single_workers(alone, seen)
    faulty(site, FAULTS[how])
    shared = imported(seen, 3)
    assert site.requests(r"fault\.js")
    assert shared["index"] == single["index"]
    assert bool(shared["reason"]) == (how != "never starts")
    assert shared["workers"] == 0
    released(seen)


def test_a_browser_without_workers_inside_workers_embeds_alone_and_says_so(
    site: Site, visit: Callable[..., Visit], alone: dict[str, Any]
) -> None:
    site.pages[f"/{SHELL}/real-worker.js"] = (DIST / SHELL / "worker.js").read_text(encoding="utf-8")
    site.pages[f"/{SHELL}/fault.js"] = "delete globalThis.Worker;"
    site.pages[f"/{SHELL}/worker.js"] = 'import "./fault.js";\nimport "./real-worker.js?pool=3";\n'
    seen = visit(site.url)
    shared = imported(seen, 3)
    assert "Worker" in shared["reason"]
    assert (shared["most"], shared["workers"]) == (0, 0)
    if "run" in alone:
        assert shared["index"] == alone["run"]["index"]


def test_it_works_on_a_page_of_another_origin(
    serve: Callable[..., Site], visit: Callable[..., Visit], alone: dict[str, Any]
) -> None:
    ours = serve(cors=True)
    theirs = serve(None, policy=None, pages={"/index.html": PAGE, "/icon.svg": ICON})
    seen = visit(theirs.url.replace("localhost", "127.0.0.1"), origins=frozenset({ours.url.rstrip("/")}))
    shared = imported(seen, 3, shell=ours.url)
    assert (shared["most"], shared["locks"], shared["workers"], shared["reason"]) == (2, 2, 0, None)
    if "run" in alone:
        assert shared["index"] == alone["run"]["index"]
    released(seen)
