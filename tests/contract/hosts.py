"""Engines that run in JavaScript hosts, Node or Chromium: the Python end of tier.mjs.

Owns the hosts and the carrying of bytes. Must not know the methods, they come from `BoundEngine`. Invariant: an error
of the tier arrives with its code, message and detail, and what was started ends with the engine.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from chromium import FLAGS, chromium_path
from playwright.sync_api import Browser, sync_playwright

from findling.engine import BoundEngine, BoundVectorIndex, encode
from findling.errors import from_object
from findling.serve import server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOST = os.environ.get("FINDLING_CONTRACT_HOST", "node")
"""Where the tiers run: `node` or `chromium`."""
# The V8 of Node 20 has relaxed SIMD behind a flag, and its baseline compiler exchanges the operands of the dot product,
# for which the loader refuses the tier; its optimising compiler is right.
NODE_FLAGS = {"wasm-relaxed": ["--experimental-wasm-relaxed-simd", "--no-liftoff"]}
MODEL_TIMEOUT_MS = 120_000


class TierHost:
    """One engine of a tier, wherever it runs."""

    def __init__(self, backend: str) -> None:
        self.engine = BoundEngine(self.call)
        assert self.engine.backend() == backend

    def _exchange(self, line: str) -> str:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def call(self, method: str, *arguments: Any) -> Any:
        answer = json.loads(self._exchange(json.dumps({"method": method, "arguments": [_plain(each) for each in arguments]})))
        if "error" in answer:
            error = answer["error"]
            raise from_object(error["code"] or "bug", error["message"], error["detail"])
        result = answer["result"]
        return base64.b64decode(result["$base64"]) if isinstance(result, dict) else result

    def vector_index(self, *, file: bytes | None = None, **spec: Any) -> BoundVectorIndex:
        number = self.call("make_index", encode(spec)) if file is None else self.call("load_index", file)
        return BoundVectorIndex(lambda method, *arguments: self.call("index", number, method, *arguments))


class NodeHost(TierHost):
    """A Node process that holds one engine of `backend`, loaded from `folder`."""

    def __init__(self, folder: Path, backend: str) -> None:
        command = ["node", *NODE_FLAGS.get(backend, []), str(HERE / "node_host.mjs"), str(folder), backend]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        super().__init__(backend)

    def _exchange(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        if not reply:
            raise RuntimeError(f"node ended: {self._process.communicate()[1]}")
        return reply

    def close(self) -> None:
        self._process.communicate()


class ChromiumHost(TierHost):
    """A page of Chromium that holds one engine of `backend`, under the policy of the project's own server."""

    _stack: ClassVar[ExitStack] = ExitStack()
    _browser: ClassVar[Browser | None] = None
    _open: ClassVar[int] = 0

    def __init__(self, folder: Path, backend: str) -> None:
        self._own = ExitStack()
        root = Path(self._own.enter_context(tempfile.TemporaryDirectory()))
        shutil.copytree(folder, root / "engine")
        for path in ("web/engine.js", "tests/contract/tier.mjs"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, root / path)
        (root / "index.html").write_text('<!doctype html><title>contract</title><link rel="icon" href="data:,">', encoding="utf-8")
        running = self._own.enter_context(server(root))
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        self._own.callback(thread.join)
        self._own.callback(running.shutdown)
        self._page = self._own.enter_context(self._shared().new_context()).new_page()
        self._page.set_default_timeout(MODEL_TIMEOUT_MS)
        self._page.goto(f"http://127.0.0.1:{running.server_port}/")
        started = "const { start } = await import('/tests/contract/tier.mjs'); globalThis.answer = await start(new URL('/engine/', location.href), backend);"
        self._page.evaluate(f"async (backend) => {{ {started} }}", backend)
        super().__init__(backend)

    @classmethod
    def _shared(cls) -> Browser:
        """One browser for all hosts; it ends with the last of them."""
        if cls._browser is None:
            playwright = cls._stack.enter_context(sync_playwright())
            cls._browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        cls._open += 1
        return cls._browser

    def _exchange(self, line: str) -> str:
        return str(self._page.evaluate("(line) => answer(line)", line))

    def close(self) -> None:
        self._own.close()
        ChromiumHost._open -= 1
        if ChromiumHost._open == 0 and ChromiumHost._browser is not None:
            ChromiumHost._browser.close()
            ChromiumHost._browser = None
            self._stack.close()


def start(folder: Path, backend: str) -> TierHost:
    """One engine of `backend` in the host that `FINDLING_CONTRACT_HOST` names."""
    return {"node": NodeHost, "chromium": ChromiumHost}[HOST](folder, backend)


def _plain(value: Any) -> Any:
    return {"$base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
