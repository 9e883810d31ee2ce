"""The development server: a folder of static files over HTTP, as strictly as a careful host would serve them.

Owns headers, ranges and which paths exist; must not know what the files are for. Invariant: only regular files inside
the folder and its mounts are ever sent, and every answer carries the content security policy, worker scripts included.

HTTP semantics, ranges and validators as in RFC 9110 sections 8.8, 13 and 14.
"""

import hashlib
import html
import os
import re
import stat
import sys
from collections.abc import Mapping
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".whl": "application/zip",
    ".zip": "application/zip",
}
"""By suffix; all else is application/octet-stream."""
IMMUTABLE = re.compile(r"^/(files/[^/]+-[0-9a-f]{8,}|v-[0-9a-f]{8,})([./].*)?$")
"""Content-named: another content has another address."""
SHARED = re.compile(r"^/(files/|v-[^/]+/|define\.js$)")
"""What the element needs on a page of another origin."""
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
CHUNK = 1 << 18
NOTHING: Mapping[str, Path] = {}


Mounts = Mapping[str, Path]
"""Further folders and single files, by the first part of the paths they have: {"index": Path("notes.findling")} is /index/notes.findling."""


def serve(
    folder: str | os.PathLike[str], *, port: int = 8000, host: str = "127.0.0.1", mounts: Mounts = NOTHING, address: str = ""
) -> None:
    """Serve `folder` until interrupted; says where on standard error, with `address` behind it. `port` 0 takes a free one.

    Raises NotADirectoryError when `folder` is none and OSError when the port is taken.
    """
    with server(folder, port=port, host=host, mounts=mounts) as running:
        print(f"findling: http://{host}:{running.server_port}/{address} (Ctrl-C ends)", file=sys.stderr, flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)


def server(
    folder: str | os.PathLike[str], *, port: int = 0, host: str = "127.0.0.1", mounts: Mounts = NOTHING, policy: str = CSP
) -> ThreadingHTTPServer:
    """A server for `folder` that is bound but not running yet: call `serve_forever`, then `shutdown`.

    `policy` is sent with every answer, as its content security policy.
    """
    root = Path(folder).resolve()
    if not root.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder; build the site first with ./build.sh")
    running = ThreadingHTTPServer((host, port), partial(_Answer, root, {name: Path(each).resolve() for name, each in mounts.items()}, policy))
    running.daemon_threads = True
    return running


def resolve(root: Path, target: str, mounts: Mounts = NOTHING) -> Path | None:
    """The regular file inside `root`, or inside or at the mount that the first part of the path names, for a request target, or None.

    A folder stands for its index.html, and only with a closing slash. Links count by where they lead: one that leaves
    `root` names nothing. A hidden file is not served.
    """
    path = unquote(urlsplit(target).path, errors="strict") if target.startswith("/") else ""
    parts = path.split("/")[1:]
    if not parts or "\0" in path or "\\" in path:
        return None
    if parts[-1] == "":
        parts[-1] = "index.html"
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        return None
    if parts[0] in mounts and len(parts) > 1:
        root, parts = mounts[parts[0]], parts[1:]
        if root.is_file():
            return root if parts == [root.name] else None
    try:
        place = root.joinpath(*parts).resolve(strict=True)
        if not place.is_relative_to(root) or not stat.S_ISREG(place.stat().st_mode):
            return None
    except (OSError, ValueError):
        return None
    return place


def chosen_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of a single byte range, end exclusive; None when the whole file is to be sent.

    Other units, several ranges and malformed values are ignored, as RFC 9110 section 14.2 allows. Raises ValueError for a
    range that no byte satisfies.
    """
    found = RANGE.match(header.strip()) if header else None
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise ValueError("an empty suffix")
        return max(size - int(last), 0), size
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise ValueError("a start behind the end")
    return start, end


class _Answer(BaseHTTPRequestHandler):
    """One connection. GET and HEAD only."""

    protocol_version = "HTTP/1.1"
    server_version = "findling"
    sys_version = ""
    # A browser opens connections ahead of need; one that stays silent must not hold its thread for ever.
    timeout = 60

    def __init__(self, root: Path, mounts: Mounts, policy: str, *args: object) -> None:
        self.root, self.mounts, self.policy = root, mounts, policy
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        try:
            place = resolve(self.root, self.path, self.mounts)
        except UnicodeDecodeError:
            place = None
        if place is None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such file here.", body)
            return
        with place.open("rb") as file:
            self._send(file, place, body)

    def _send(self, file: BinaryIO, place: Path, body: bool) -> None:
        about = os.fstat(file.fileno())
        size = about.st_size
        tag = '"' + hashlib.sha256(f"{place}\0{about.st_mtime_ns}\0{size}".encode()).hexdigest()[:32] + '"'
        if self.headers.get("If-None-Match", "").strip() == tag:
            self._start(HTTPStatus.NOT_MODIFIED, tag)
            self.end_headers()
            return
        fresh = self.headers.get("If-Range", tag).strip() == tag
        try:
            span = chosen_range(self.headers.get("Range"), size) if fresh else None
        except ValueError:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "No byte lies in that range.", body, f"bytes */{size}")
            return
        start, end = span or (0, size)
        self._start(HTTPStatus.PARTIAL_CONTENT if span else HTTPStatus.OK, tag)
        if span:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Type", TYPES.get(place.suffix.lower(), "application/octet-stream"))
        self.send_header("Content-Length", str(end - start))
        self.send_header("Last-Modified", formatdate(about.st_mtime, usegmt=True))
        self.end_headers()
        if not body:
            return
        file.seek(start)
        left = end - start
        while left > 0:
            block = file.read(min(CHUNK, left))
            if not block:
                # The file became shorter while it was sent: the announced length cannot be kept.
                self.close_connection = True
                return
            self.wfile.write(block)
            left -= len(block)

    def _start(self, status: HTTPStatus, tag: str) -> None:
        path = urlsplit(self.path).path
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if IMMUTABLE.match(path) else "no-cache")

    def _refuse(self, status: HTTPStatus, message: str, body: bool, content_range: str | None = None) -> None:
        text = f"<!doctype html><title>{status.value}</title><p>{html.escape(message)}</p>\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", TYPES[".html"])
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if body:
            self.wfile.write(text)

    def end_headers(self) -> None:
        """Every answer ends here, the refusals of the base class included."""
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        if SHARED.match(urlsplit(getattr(self, "path", "")).path):
            self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a page load is dozens of requests, and the browser's tools show them better."""
