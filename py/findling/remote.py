"""The store of a web server: files below one address, read by HTTP range requests.

Owns connections and what the answers of a server may be. Must not know what the bytes mean. Invariant: every byte of a
file that is handed on belongs to one state of it, the one that was seen first; a server that cannot send ranges is asked
for a file once, and said so in `whole`.

Ranges and validators as in RFC 9110 sections 8.8 and 14.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urljoin, urlsplit

from findling.errors import BadRequest, NetworkError, NotFound, StorageError

TIMEOUT_S = 30.0
CONNECTIONS = 6
"""As many as browsers open to one server."""
HEAD_BYTES = 16 << 10
"""What comes with the length of a file: a whole pointer, or the header of an index."""
WHOLE_BYTES_MAX = 1 << 30
"""A server without ranges is not asked for more than this at once."""
REDIRECTS = 5
CONTENT_RANGE = re.compile(r"^bytes (?:(?P<start>\d+)-\d+|\*)/(?:(?P<size>\d+)|\*)$")

Record = Callable[[str, int, int | None, int], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a server sent: where in the file the body begins, the file's length and validator as far as it said them."""

    body: bytes
    start: int = 0
    size: int | None = None
    tag: str | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of one file; `head` its first bytes, `body` the whole of it where the server sends no ranges."""

    size: int | None = None
    tag: str | None = None
    body: bytes | None = None
    head: bytes = b""

    def holds(self, offset: int, length: int) -> bool:
        """Whether these bytes, up to the end of the file, are in its head."""
        return offset + length <= len(self.head) or self.size == len(self.head)


UNKNOWN = _State()


class HttpStore:
    """Files below `url`, such as `https://example.org/search/`. Close it, or use it in a `with` block.

    `record(file, offset, length, body_bytes)` is told every answer to a range, or, with `length` None, to a whole file.
    Raises `BadRequest` for an address that is not of HTTP.
    """

    def __init__(self, url: str, *, record: Record = lambda file, offset, length, body_bytes: None) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise BadRequest(f"{url!r} is not an address that begins with http:// or https://", url=url)
        self.url = url if url.endswith("/") else url + "/"
        self.whole: set[str] = set()
        """Files that the server sent as a whole when it was asked for a range."""
        self._record = record
        self._states: dict[str, _State] = {}
        self._idle: list[_Connection] = []
        self._turns = asyncio.Semaphore(CONNECTIONS)

    def __enter__(self) -> "HttpStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    async def read(self, file: str, offset: int, length: int) -> bytes:
        """The bytes from `offset` on, `length` of them or up to the file's end.

        Raises `NotFound`, `NetworkError`, or `StorageError` where the file on the server is another than before.
        """
        state = self._states.get(file, UNKNOWN)
        if state.body is None and length > 0 and state.holds(offset, length):
            return state.head[offset : offset + length]
        if state.body is None and length > 0:
            headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
            # If-Range takes strong validators only; a weak one is compared afterwards, like the length.
            if state.tag is not None and not state.tag.startswith("W/"):
                headers["If-Range"] = state.tag
            answer = await self._ask(file, headers)
            state = self._learn(file, answer)
            self._record(file, offset, length, len(answer.body))
            if state.body is None:
                wanted = min(length, state.size - offset) if state.size is not None else length
                if answer.start != offset or len(answer.body) != max(wanted, 0):
                    raise NetworkError(f"{file} was cut off: {len(answer.body)} of {wanted} bytes arrived; try again", file=file)
                return answer.body
        return state.body[offset : offset + length] if state.body is not None else b""

    async def size(self, file: str) -> int:
        """The file's length in bytes; its first bytes come with it. Raises as `read` does."""
        state = self._states.get(file, UNKNOWN)
        if state.size is None:
            answer = await self._ask(file, {"Range": f"bytes=0-{HEAD_BYTES - 1}"})
            state = self._learn(file, answer)
            self._record(file, 0, HEAD_BYTES, len(answer.body))
            if not answer.is_whole and answer.start == 0:
                self._states[file] = state = replace(state, head=answer.body)
        if state.size is None:
            # A server that tells no length: only the body does.
            answer = await self._ask(file, {})
            state = self._learn(file, answer)
            self._record(file, 0, None, len(answer.body))
        if state.size is None:
            raise NetworkError(f"the server does not tell how long {file} is", file=file)
        return state.size

    def _learn(self, file: str, answer: "_Answer") -> "_State":
        """What is known of a file now; refused if that does not fit what was known before."""
        known = self._states.get(file, UNKNOWN)
        others = (known.size is not None and answer.size not in (None, known.size), known.tag and answer.tag not in (None, known.tag))
        if any(others):
            raise StorageError(f"{self.url}{file} changed while it was read; open the collection again", file=file)
        body = answer.body if answer.is_whole else known.body
        if answer.is_whole:
            self.whole.add(file)
        size = known.size if answer.size is None else answer.size
        self._states[file] = state = replace(known, size=size, tag=answer.tag or known.tag, body=body)
        return state

    async def _ask(self, file: str, headers: dict[str, str]) -> _Answer:
        if not file or file.startswith("/") or ".." in file.split("/"):
            raise NotFound(f"{file!r} is not the name of a file below {self.url}", file=file)
        async with self._turns:
            return await asyncio.to_thread(self._exchange, urljoin(self.url, quote(file)), headers)

    def _exchange(self, url: str, headers: dict[str, str]) -> _Answer:
        """One request, redirects followed; on a connection that the server had closed meanwhile, once more on a new one."""
        for _ in range(REDIRECTS + 1):
            connection = self._connection(url)
            try:
                answer = connection.ask(url, headers)
            except (HTTPException, OSError) as error:
                connection.close()
                if connection.is_fresh:
                    raise NetworkError(
                        f"{url} could not be fetched: {str(error) or type(error).__name__}; check the connection and try again",
                        url=url,
                    ) from error
                continue
            if isinstance(answer, _Answer):
                self._idle.append(connection)
                return answer
            connection.close()
            url = urljoin(url, answer)
        raise NetworkError(f"{url} could not be fetched: it leads from address to address without an end", url=url)

    def _connection(self, url: str) -> "_Connection":
        try:
            connection = self._idle.pop()
        except IndexError:
            return _Connection(url)
        if connection.leads_to(url):
            return connection
        connection.close()
        return _Connection(url)


class _Connection:
    """One connection to the server of an address, kept open between requests."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.scheme, parts.netloc)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NetworkError(f"the server leads to {url}, which is no address of HTTP", url=url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self.is_fresh = True

    def leads_to(self, url: str) -> bool:
        return self._place == urlsplit(url)[:2]

    def ask(self, url: str, headers: dict[str, str]) -> _Answer | str:
        """The answer, or the address to ask instead; raises `NotFound` or `NetworkError` for one that is neither."""
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection.request("GET", target, headers={"Accept-Encoding": "identity", **headers})
        response = self._connection.getresponse()
        announced = response.headers.get("Content-Length", "")
        length = int(announced) if announced.isdecimal() else 0
        if length > WHOLE_BYTES_MAX:
            self.close()
            raise NetworkError(f"{url} sends {length} bytes at once, more than can be taken; its server needs range requests", url=url)
        body = response.read(WHOLE_BYTES_MAX)
        self.is_fresh = False
        if response.status in (301, 302, 303, 307, 308) and (location := response.headers.get("Location")):
            return location
        if response.status in (404, 410):
            raise NotFound(f"there is no file at {url}", url=url, status=response.status)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise NetworkError(f"{url} comes compressed, so its bytes cannot be told apart; serve it as it is", url=url)
        tag = response.headers.get("ETag")
        if response.status == 200:
            return _Answer(body, size=len(body), tag=tag, is_whole=True)
        span = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if response.status == 416 and span and span["size"]:
            # The range begins behind the end; the length said so may be the first that is known of the file.
            return _Answer(b"", int(headers["Range"].removeprefix("bytes=").split("-")[0]), int(span["size"]), tag)
        if response.status != 206 or not span or span["start"] is None:
            raise NetworkError(f"{url} could not be fetched: the server answered {response.status}", url=url, status=response.status)
        return _Answer(body, int(span["start"]), int(span["size"]) if span["size"] else None, tag)

    def close(self) -> None:
        self._connection.close()
