"""The store of a web server, over real sockets on this machine.

Invariant under test: what is read is the bytes of one state of a file, whatever the server can and cannot do.
"""

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from findling.errors import BadRequest, NetworkError, NotFound, StorageError
from findling.remote import HttpStore
from findling.serve import server

BYTES = bytes(range(256)) * 40


@contextmanager
def running(made):
    with made as answering:
        thread = threading.Thread(target=answering.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{answering.server_port}/"
        answering.shutdown()
        thread.join()


@contextmanager
def site(tmp_path):
    (tmp_path / "a.bin").write_bytes(BYTES)
    (tmp_path / "empty").write_bytes(b"")
    with running(server(tmp_path)) as url:
        yield url


@contextmanager
def answering(respond):
    """A server whose every answer is made by `respond(handler)`: status, headers, body."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, headers, body = respond(self)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.daemon_threads = True
    with running(made) as url:
        yield url


def read(url, *ranges, file="a.bin"):
    async def scenario(store):
        return [await store.read(file, *each) for each in ranges]

    with HttpStore(url) as store:
        return asyncio.run(scenario(store))


def test_ranges_are_read_as_from_a_folder(tmp_path):
    with site(tmp_path) as url:
        assert read(url, (10, 5), (0, 3), (len(BYTES) - 2, 100), (len(BYTES), 1), (len(BYTES) + 7, 2), (3, 0)) == [
            BYTES[10:15],
            BYTES[:3],
            BYTES[-2:],
            b"",
            b"",
            b"",
        ]


def test_many_at_once_share_a_few_connections(tmp_path):
    async def scenario(store):
        return await asyncio.gather(*(store.read("a.bin", at, 7) for at in range(100)))

    with site(tmp_path) as url, HttpStore(url) as store:
        assert asyncio.run(scenario(store)) == [BYTES[at : at + 7] for at in range(100)]


def test_sizes_are_known_after_a_read_and_asked_for_before_one(tmp_path):
    with site(tmp_path) as url, HttpStore(url) as store:
        assert asyncio.run(store.size("a.bin")) == len(BYTES)
        assert asyncio.run(store.size("empty")) == 0


def test_what_came_with_the_length_is_not_asked_for_again(tmp_path):
    seen = []
    (tmp_path / "long.bin").write_bytes(BYTES * 2)

    async def scenario(store):
        assert await store.size("a.bin") == len(BYTES)
        assert await store.size("long.bin") == 2 * len(BYTES)
        assert await store.read("a.bin", len(BYTES) - 3, 9) == BYTES[-3:]
        assert await store.read("a.bin", len(BYTES), 1) == b""
        assert await store.read("long.bin", 16_000, 384) == (BYTES * 2)[16_000:16_384]
        assert len(seen) == 2
        assert await store.read("long.bin", 16_000, 385) == (BYTES * 2)[16_000:16_385]

    with site(tmp_path) as url, HttpStore(url, record=lambda *each: seen.append(each)) as store:
        asyncio.run(scenario(store))
    assert seen == [("a.bin", 0, 16_384, len(BYTES)), ("long.bin", 0, 16_384, 16_384), ("long.bin", 16_000, 385, 385)]


def test_every_answer_is_recorded(tmp_path):
    seen = []
    with site(tmp_path) as url, HttpStore(url, record=lambda *each: seen.append(each)) as store:
        asyncio.run(store.read("a.bin", 5, 10))
        asyncio.run(store.size("a.bin"))
        asyncio.run(store.read("a.bin", len(BYTES) - 1, 10))
    assert seen == [("a.bin", 5, 10, 10), ("a.bin", len(BYTES) - 1, 10, 1)]


@pytest.mark.parametrize("name", ["gone.bin", "../a.bin", "/a.bin", "", "a/../../b"])
def test_what_is_not_there_is_not_found(tmp_path, name):
    with site(tmp_path) as url, pytest.raises(NotFound):
        read(url, (0, 1), file=name)


def test_a_server_without_ranges_is_asked_once_and_said_so():
    asked = []

    def respond(handler):
        asked.append(handler.command)
        return 200, {}, BYTES

    async def scenario(store):
        first = await store.read("a.bin", 10, 5)
        return first, await store.read("a.bin", 20, 5), await store.size("a.bin")

    with answering(respond) as url, HttpStore(url) as store:
        assert asyncio.run(scenario(store)) == (BYTES[10:15], BYTES[20:25], len(BYTES))
        assert store.whole == {"a.bin"}
    assert asked == ["GET"]


def test_a_file_that_changes_while_it_is_read_is_refused():
    tags = iter(['"one"', '"two"'])

    def respond(handler):
        return 206, {"ETag": next(tags), "Content-Range": f"bytes 0-4/{len(BYTES)}"}, BYTES[:5]

    with answering(respond) as url, pytest.raises(StorageError, match="changed"):
        read(url, (0, 5), (0, 5))


@pytest.mark.parametrize(
    "answer",
    [
        (206, {}, BYTES[:5]),
        (206, {"Content-Range": "bytes 0-4"}, BYTES[:5]),
        (206, {"Content-Range": f"bytes 1-5/{len(BYTES)}"}, BYTES[1:6]),
        (206, {"Content-Range": f"bytes 0-3/{len(BYTES)}"}, BYTES[:4]),
        (200, {"Content-Encoding": "gzip"}, BYTES),
        (500, {}, b"no"),
        (403, {}, b"no"),
        (302, {"Location": "a.bin"}, b""),
        (302, {"Location": "ftp://example.org/a.bin"}, b""),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_the_range_is_refused(answer):
    with answering(lambda handler: answer) as url, pytest.raises(NetworkError):
        read(url, (0, 5))


def test_a_redirect_is_followed(tmp_path):
    with site(tmp_path) as url, answering(lambda handler: (302, {"Location": url + "a.bin"}, b"")) as other:
        assert read(other, (2, 3)) == [BYTES[2:5]]


def test_a_connection_that_was_closed_meanwhile_is_opened_again():
    def respond(handler):
        # Announced as kept open, then closed: what a server does with an idle connection.
        handler.close_connection = True
        return 206, {"Content-Range": f"bytes 0-4/{len(BYTES)}"}, BYTES[:5]

    with answering(respond) as url:
        assert read(url, (0, 5), (0, 5)) == [BYTES[:5]] * 2


def test_no_server_is_a_network_error(tmp_path):
    with site(tmp_path) as url:
        pass
    with pytest.raises(NetworkError, match="could not be fetched"):
        read(url, (0, 1))


@pytest.mark.parametrize("url", ["", "example.org", "ftp://example.org/", "http:///x"])
def test_only_addresses_of_http_are_taken(url):
    with pytest.raises(BadRequest):
        HttpStore(url)
