"""What it takes to keep a collection in a browser: an import of many files, opening one again, and memory.

Owns the files, the collections and the limits. Must not know how anything is stored. Invariant: a worker is ready and its model loaded
before a clock starts; what is typed meanwhile goes through the page itself.

    store.py [PART...]    import, reopen, memory; default all
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _chromium import DIST, chromium, served
from _collection import CACHE, build
from _report import lines, report, say
from memory import resident_mb
from playwright.sync_api import BrowserContext, CDPSession, Page

from findling import bundle, segments
from findling.engine import inspect

NAME = "debian-src"
FILES, DOCUMENTS, ROUNDS = 1000, 5000, 5
QUERIES = ("editor for pictures", "library that reads sound", "play chess", "guess passwords", "draw a map")
LIVE = "in a live segment"
LONGEST_ASKED_MS, REOPEN_ASKED_MS, MEMORY_ASKED_MB = 50.0, 400.0, 350.0
READY = "html[data-ready][data-model]:not([data-model=''])"
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.tasks.push(entry.duration); }).observe({type: "longtask"});
"""
ANSWERED = """
([query]) => new Promise((done) => {
  const input = document.getElementById("query");
  const start = performance.now();
  input.value = query;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  const look = () => (document.documentElement.dataset.answered === query ? done(performance.now() - start) : requestAnimationFrame(look));
  look();
})
"""
CLIENT = """
async ([version]) => {
  const {Client} = await import(`/${version}/web/client.js`);
  const {build} = await import(`/${version}/build.js`);
  let client;
  window.bench = {
    async start() {
      client = new Client();
      await client.call("open", {collection: "warm", src: new URL(build.demo.url, new URL(`/${version}/build.js`, location.href)).href});
      await client.search({collection: "warm", query: "a warm query", encoder: "model"});
      // As the page does before it opens anything.
      await client.call("collections", {});
    },
    stop: () => client.close(),
    async take(collection, url) {
      const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
      const start = performance.now();
      const {documents, saved} = await client.call("import", {collection, bytes}, {transfer: [bytes.buffer]});
      return {took: performance.now() - start, documents, saved};
    },
    async replace(collection, document, query) {
      await client.call("open", {collection, keep: true});
      await client.search({collection, query});
      const {replaced} = await client.call("add", {collection, documents: [document]});
      const start = performance.now();
      await client.search({collection, query});
      return {replaced, took: performance.now() - start};
    },
    async reopen(collection, query) {
      const start = performance.now();
      await client.call("open", {collection, keep: true});
      const opened = performance.now() - start;
      const {hits} = await client.search({collection, query});
      return {opened, took: performance.now() - start, hits: hits.length};
    },
  };
}
"""
# A linear memory never shrinks, so what all of them take at the end is the most they took.
REMEMBER = """
self.memories = new Set();
const look = (object) => { for (const each of Object.values(object ?? {})) if (each instanceof WebAssembly.Memory) self.memories.add(each); else if (each && Object.getPrototypeOf(each) === Object.prototype) look(each); };
for (const name of ["instantiate", "instantiateStreaming"]) {
  const own = WebAssembly[name];
  WebAssembly[name] = async (source, imports) => {
    look(imports);
    const made = await own.call(WebAssembly, source, imports);
    look((made.instance ?? made).exports);
    return made;
  };
}
"""
AUTO_ATTACH = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": False}
TOLD = "[...self.memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0)"


def ask(page: Page, function: str, *arguments: Any) -> Any:
    """What a function of the client's script answers."""
    return page.evaluate("([name, given]) => window.bench[name](...given)", [function, list(arguments)])


def blank(context: BrowserContext, site: str) -> Page:
    """A page of the site that is nothing but a client."""
    page = context.new_page()
    page.goto(f"{site}define.js")
    page.evaluate(CLIENT, [next(DIST.glob("v-*")).name])
    return page


def texts(count: int) -> list[dict[str, Any]]:
    """The first documents of the collection."""
    return [json.loads(line) for _, line in zip(range(count), lines(f"{NAME}.jsonl.gz"), strict=False)]


def write_files(count: int, folder: str) -> None:
    """The first documents of the collection as Markdown files."""
    for number, entry in enumerate(texts(count)):
        Path(folder, f"{number:04}.md").write_text(f"# {entry['title']}\n\n{entry['text']}\n", encoding="utf-8")


def drop_folder(page: Page, folder: str) -> None:
    """A folder is dropped, as somebody drops it."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [folder], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    session.detach()


def pick_files(page: Page, folder: str) -> None:
    """All files of a folder are picked by the page's input, as in browsers that have nothing else."""
    page.set_input_files("#picker", sorted(map(str, Path(folder).iterdir())))


class MainThread:
    """What the tasks of a page's main thread take of a processor: unlike their length, it does not grow when others want the processor too."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self._events: list[dict[str, Any]] = []
        self._ended = False
        self._session.on("Tracing.dataCollected", lambda told: self._events.extend(told["value"]))
        self._session.on("Tracing.tracingComplete", self._end)
        self._session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": {"recordMode": "recordContinuously", "includedCategories": ["toplevel"]}})

    def _end(self, _: Any) -> None:
        self._ended = True

    def stop(self) -> float:
        """The most that one task took, in ms; other pages of the browser are idle."""
        self._session.send("Tracing.end")
        while not self._ended:
            self._page.wait_for_timeout(100)
        self._session.detach()
        threads = {(each["pid"], each["tid"]) for each in self._events if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"}
        took = (each.get("tdur", 0) / 1000 for each in self._events if each.get("ph") == "X" and (each["pid"], each["tid"]) in threads)
        return max(took, default=0.0)


def import_files() -> None:
    """A thousand Markdown files come onto the page, in two ways; somebody searches the demonstration meanwhile."""
    with tempfile.TemporaryDirectory() as place:
        write_files(FILES, place)
        import_of(place, f"import of a folder of {FILES} Markdown files", drop_folder)
        import_of(place, f"import of {FILES} Markdown files", pick_files)


def import_of(place: str, case: str, give: Callable[[Page, str], None]) -> None:
    """One import by a browser of its own. The tasks count from before the files are given until the last is added."""
    with served(DIST) as site, chromium() as context:
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(site)
        page.wait_for_selector(READY)
        page.evaluate(ANSWERED, ["a warm query"])
        page.evaluate("window.tasks.length = 0")
        main_thread = MainThread(page)
        give(page, place)
        page.wait_for_selector("#cancel", state="visible")
        waits: list[float] = []
        while page.locator("#cancel").is_visible():
            waits.append(page.evaluate(ANSWERED, [f"{QUERIES[len(waits) % len(QUERIES)]} {len(waits)}"]))
            page.wait_for_timeout(100 + 67 * len(waits) % 160)
        tasks, processor = page.evaluate("window.tasks"), main_thread.stop()
        report("store", case, "tasks on the main thread over 50 ms", len(tasks), "tasks", 0)
        report("store", case, "longest such task", max(tasks, default=0.0), "ms", LONGEST_ASKED_MS)
        report("store", case, "most processor time of a task", processor, "ms", LONGEST_ASKED_MS)
        report("store", case, "search meanwhile, median", statistics.median(waits), "ms")
        report("store", case, "search meanwhile, longest", max(waits), "ms")


def exported() -> dict[str, Path]:
    """The whole collection in a file, by what it is kept as: as `findling export` makes it of one, and as documents that were added."""
    kept = {"published": CACHE / f"{NAME}.findling.zip", LIVE: CACHE / f"{NAME}.findling"}
    with tempfile.TemporaryDirectory() as place:
        source, out = Path(place, f"{NAME}.jsonl"), Path(place, "out")
        source.write_text("\n".join(lines(f"{NAME}.jsonl.gz")) + "\n", encoding="utf-8")
        build(NAME, source, out)
        # In a folder without an earlier one, which the command would only bring up to date.
        one = Path(place, f"{NAME}.findling")
        build(NAME, source, one)
        kept[LIVE].write_bytes(one.read_bytes())
        files = {path.name: path.read_bytes() for path in sorted(out.glob("segment-*"))}
        kept["published"].write_bytes(bundle.pack({**files, segments.POINTER: Path(out, segments.POINTER).read_bytes()}, inspect))
    return kept


def reopen() -> None:
    """34,047 documents are kept, in two ways; each round has a worker of its own, ready, that opens them and searches."""
    for kind, file in exported().items():
        with served(DIST) as site, chromium() as context:
            reopen_of(file, kind, blank(context, site), site)


def reopen_of(file: Path, kind: str, page: Page, site: str) -> None:
    """The collection in a file is imported once, and opened again and searched in each round; the live one once more when a document was replaced."""
    page.route("**/bench.file", lambda route: route.fulfill(path=file))
    ask(page, "start")
    taken = ask(page, "take", NAME, f"{site}bench.file")
    assert taken["saved"], "the collection was not kept"
    ask(page, "stop")
    case = f"{taken['documents']} documents kept {kind}"
    report("store", case, "import", taken["took"], "ms")
    rounds_of(case, page)
    if kind == LIVE:
        ask(page, "start")
        (document,) = texts(1)
        changed = ask(page, "replace", NAME, {**document, "title": "another"}, QUERIES[0])
        assert changed["replaced"] == 1, "no document was replaced"
        ask(page, "stop")
        case = f"{case}, one replaced"
        report("store", case, "the search after it", changed["took"], "ms")
        rounds_of(case, page)


def rounds_of(case: str, page: Page) -> None:
    """Each round opens the collection and searches it."""
    rounds = []
    for query in QUERIES[:ROUNDS]:
        ask(page, "start")
        rounds.append(ask(page, "reopen", NAME, query))
        say(f"store: reopened {rounds[-1]}")
        ask(page, "stop")
    for metric, key in (("opened", "opened"), ("to the first hits", "took")):
        report("store", case, f"{metric}, median of {ROUNDS}", statistics.median(each[key] for each in rounds), "ms", REOPEN_ASKED_MS)
    report("store", case, "to the first hits, least", min(each["took"] for each in rounds), "ms", REOPEN_ASKED_MS)


class Workers:
    """The workers of a page and theirs, told apart from their start on, and the linear memories that each has made."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        # Each worker by the way to it: the sessions of those that started it, and its own.
        self._paths: list[tuple[str, ...]] = []
        # Which worker was asked by which message, and what each told last: one that computes answers when it has time.
        self._asked: dict[int, tuple[str, ...]] = {}
        self._sizes: dict[tuple[str, ...], float] = {}
        self._number = 0
        session.on("Target.attachedToTarget", lambda event: self._attached(event, ()))
        session.on("Target.receivedMessageFromTarget", lambda event: self._received(event, ()))
        session.send("Target.setAutoAttach", AUTO_ATTACH)

    def _post(self, path: tuple[str, ...], method: str, parameters: dict[str, Any]) -> int:
        self._number += 1
        number, message = self._number, {"id": self._number, "method": method, "params": parameters}
        for id in reversed(path[1:]):
            self._number += 1
            message = {"id": self._number, "method": "Target.sendMessageToTarget", "params": {"sessionId": id, "message": json.dumps(message)}}
        self._session.send("Target.sendMessageToTarget", {"sessionId": path[0], "message": json.dumps(message)})
        return number

    def _attached(self, event: dict[str, Any], outer: tuple[str, ...]) -> None:
        path = (*outer, event["sessionId"])
        self._post(path, "Runtime.evaluate", {"expression": REMEMBER})
        self._post(path, "Target.setAutoAttach", AUTO_ATTACH)
        self._post(path, "Runtime.runIfWaitingForDebugger", {})
        self._paths.append(path)

    def _received(self, event: dict[str, Any], outer: tuple[str, ...]) -> None:
        path, message = (*outer, event["sessionId"]), json.loads(event["message"])
        if message.get("method") == "Target.attachedToTarget":
            self._attached(message["params"], path)
        elif message.get("method") == "Target.receivedMessageFromTarget":
            self._received(message["params"], path)
        elif message.get("id") in self._asked:
            value = message.get("result", {}).get("result", {}).get("value", 0)
            asked = self._asked.pop(message["id"])
            self._sizes[asked] = max(self._sizes.get(asked, 0.0), float(value))

    def memories(self, page: Page) -> list[float]:
        """Bytes of linear memory of each worker, as it told last."""
        for path in self._paths:
            self._asked[self._post(path, "Runtime.evaluate", {"expression": TOLD})] = path
        page.wait_for_timeout(500)
        return [size for size in self._sizes.values() if size]


def memory() -> None:
    """A folder of 5,000 Markdown files is dropped on the page, whose worker and the pool that helps it add them."""
    with served(DIST) as site, chromium() as context, tempfile.TemporaryDirectory() as place:
        write_files(DOCUMENTS, place)
        page = context.new_page()
        workers = Workers(context.new_cdp_session(page))
        page.goto(site)
        page.wait_for_selector(READY)
        began = time.monotonic()
        drop_folder(page, place)
        page.wait_for_selector("#cancel", state="visible")
        most, resident = 0.0, 0.0
        while page.locator("#cancel").is_visible():
            page.wait_for_timeout(2000)
            sizes = workers.memories(page)
            most, resident = max(most, sum(sizes)), max(resident, resident_mb() or 0.0)
            say(f"store: {page.inner_text('#import-text')}; linear memories {[round(size / 1e6, 1) for size in sizes]} MB, renderer {resident:.0f} MB")
        took = time.monotonic() - began
        most = max(most, sum(workers.memories(page)))
        case = f"import of a folder of {DOCUMENTS} Markdown files"
        say(f"store: {page.inner_text('#import-text')}")
        report("store", case, "all linear memories together", most / 1e6, "MB", MEMORY_ASKED_MB)
        report("store", case, "renderer, resident", resident, "MB")
        report("store", case, "time", took, "s")


PARTS = {"import": import_files, "reopen": reopen, "memory": memory}


def main() -> None:
    """The parts that were named, or all."""
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
