"""An engine that runs in Node: the Python end of node_engine.mjs.

Owns the process and the carrying of bytes. Must not know the methods, they come from `BoundEngine`. Invariant: an
error of the tier arrives with its code, message and detail, and the process ends with the engine.
"""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from findling.engine import BoundEngine, BoundVectorIndex, encode
from findling.errors import from_object

HERE = Path(__file__).parent
# The V8 of Node 20 has relaxed SIMD behind a flag, and its baseline compiler exchanges the operands of the dot product,
# for which the loader refuses the tier; its optimising compiler is right.
FLAGS = {"wasm-relaxed": ["--experimental-wasm-relaxed-simd", "--no-liftoff"]}


class NodeProcess:
    """A Node process that holds one engine of `backend`, loaded from `folder`."""

    def __init__(self, folder: Path, backend: str) -> None:
        command = ["node", *FLAGS.get(backend, []), str(HERE / "node_engine.mjs"), str(folder), backend]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._read() == backend
        self.engine = BoundEngine(self.call)

    def call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"method": method, "arguments": [_plain(each) for each in arguments]}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def vector_index(self, *, file: bytes | None = None, **spec: Any) -> BoundVectorIndex:
        number = self.call("make_index", encode(spec)) if file is None else self.call("load_index", file)
        return BoundVectorIndex(lambda method, *arguments: self.call("index", number, method, *arguments))

    def close(self) -> None:
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"node ended: {self._process.communicate()[1]}")
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise from_object(error["code"] or "bug", error["message"], error["detail"])
        result = answer["result"]
        return base64.b64decode(result["$base64"]) if isinstance(result, dict) else result


def _plain(value: Any) -> Any:
    return {"$base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
