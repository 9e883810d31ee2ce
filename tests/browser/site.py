"""A web server for the browser tests: serves the built site, or a page of its own, and fails on request.

Owns headers as a strict host sends them, byte ranges, and the faults a test asks for. Must not know what the files
mean. Invariant: without faults it answers as any static host would, and every request is in `log`.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".zip": "application/zip",
}


@dataclass
class Fault:
    """What to do to the answers for addresses that match, query included, and how many times (None: always)."""

    pattern: str
    times: int | None = None
    status: int | None = None
    content_type: str | None = None
    etag: str | None = None
    cut_after: int | None = None
    """Close the connection after so many bytes of the body."""
    flip_at: int | None = None
    """Change one bit of the byte at this offset of the file."""
    no_ranges: bool = False
    until: threading.Event | None = None
    """Answer when this is set, not before."""
    used: int = 0


@dataclass
class Seen:
    """One request as the server saw it, and the status it answered."""

    path: str
    range: str | None
    if_range: str | None
    status: int
    sent: int = 0


@dataclass
class Site:
    """A running server; a new one has a new port, so a new origin with nothing stored."""

    root: Path | None
    policy: str | None = POLICY
    cors: bool = False
    pages: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    log: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}/"

    def fail(self, pattern: str, **fault: Any) -> Fault:
        """From now on treat paths that match `pattern` as the fault says."""
        made = Fault(pattern, **fault)
        self.faults.append(made)
        return made

    def fault_for(self, path: str) -> Fault | None:
        """The first fault for this path that is not used up; counts the use."""
        with self._lock:
            for fault in self.faults:
                if re.search(fault.pattern, path) and (fault.times is None or fault.used < fault.times):
                    fault.used += 1
                    return fault
        return None

    def requests(self, pattern: str) -> list[Seen]:
        return [seen for seen in self.log if re.search(pattern, seen.path)]

    def stop(self) -> None:
        """Close the port; whoever connects from now on is refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no fault of the test."""


def _handler(site: Site) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            body, content_type = self._find(path)
            fault = site.fault_for(self.path) or Fault("")
            if fault.until:
                fault.until.wait()
            if fault.flip_at is not None:
                body = body[: fault.flip_at] + bytes([body[fault.flip_at] ^ 1]) + body[fault.flip_at + 1 :]
            etag = fault.etag or f'"{len(body)}-{path}"'
            status, start, end = self._range(len(body), etag, ranges=not fault.no_ranges)
            status = fault.status or (status if content_type else 404)
            seen = Seen(path, self.headers["range"], self.headers["if-range"], status)
            site.log.append(seen)
            part = body[start:end] if status in (200, 206) else b""
            self.send_response(status)
            self.send_header("Content-Type", fault.content_type or content_type or "text/plain")
            self.send_header("Content-Length", str(len(part)))
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
            if status in (200, 206):
                self.send_header("ETag", etag)
                immutable = path.startswith(("/files/", "/v-"))
                self.send_header("Cache-Control", "public, max-age=31536000, immutable" if immutable else "no-cache")
            if site.policy:
                self.send_header("Content-Security-Policy", site.policy)
            if site.cors:
                self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            cut = fault.cut_after
            # Said before: what reads it can be faster than this thread is back.
            seen.sent = len(part) if cut is None else min(cut, len(part))
            self.wfile.write(part if cut is None else part[:cut])
            if cut is not None and cut < len(part):
                self.close_connection = True

        def _find(self, path: str) -> tuple[bytes, str | None]:
            """Content and type; no type where there is nothing."""
            name = "/index.html" if path == "/" else path
            if name in site.pages:
                return site.pages[name].encode(), TYPES[Path(name).suffix]
            file = (site.root / name.lstrip("/")).resolve() if site.root else None
            if file and site.root and file.is_relative_to(site.root.resolve()) and file.is_file():
                return file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream")
            return b"", None

        def _range(self, size: int, etag: str, *, ranges: bool) -> tuple[int, int, int]:
            """Status, start and end of what was asked for."""
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["range"] or "")
            if not asked or not ranges or self.headers["if-range"] not in (None, etag):
                return 200, 0, size
            start = int(asked[1])
            return (206, start, min(size, int(asked[2]) + 1 if asked[2] else size)) if start < size else (416, 0, 0)

        def log_message(self, *arguments: Any) -> None:
            """The log is `site.log`."""

    return Handler
