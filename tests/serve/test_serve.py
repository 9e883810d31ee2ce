"""What the development server promises: types, ranges, headers, and nothing outside its folder.

Talks to a server of its own on a free port of this machine, byte by byte where a client library would tidy the request.
"""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from findling.serve import CSP, chosen_range, server

CONTENT = bytes(range(256)) * 4
HASHED = "files/model-0123abcd.findling"
FILES = {
    "index.html": b"<!doctype html>",
    "define.js": b"export {};",
    "sw.js": b"",
    "v-0123abcd/worker.js": b"1",
    "v-0123abcd/web/page.css": b"",
    "files/engine-0123abcd.wasm": b"\0asm",
    "files/pyodide-0123abcd/pyodide.mjs": b"export {};",
    "files/boot-0123abcd.zip": b"PK",
    "files/wheels-0123abcd/x-1-py3-none-any.whl": b"PK",
    HASHED: CONTENT,
    ".hidden": b"secret",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    parent = tmp_path_factory.mktemp("served")
    root = parent / "dist"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (parent / "outside.txt").write_bytes(b"secret")
    (root / "leak.txt").symlink_to(parent / "outside.txt")
    (root / "up").symlink_to(parent)
    (root / "inside.txt").symlink_to(root / "index.html")
    (parent / "notes").mkdir()
    (parent / "notes/collection.findling").write_bytes(b"pointer")
    (parent / "notes/.hidden").write_bytes(b"secret")
    (parent / "one.findling").write_bytes(b"one")
    running = server(root, mounts={"index": parent / "notes", "file": parent / "one.findling"})
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running.server_port
    running.shutdown()
    thread.join()
    running.server_close()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/define.js", "text/javascript; charset=utf-8"),
        ("/v-0123abcd/web/page.css", "text/css; charset=utf-8"),
        ("/files/pyodide-0123abcd/pyodide.mjs", "text/javascript; charset=utf-8"),
        ("/files/engine-0123abcd.wasm", "application/wasm"),
        ("/files/boot-0123abcd.zip", "application/zip"),
        ("/files/wheels-0123abcd/x-1-py3-none-any.whl", "application/zip"),
        (f"/{HASHED}", "application/octet-stream"),
    ],
)
def test_a_file_is_sent_whole_with_its_type(port: int, path: str, kind: str) -> None:
    status, headers, body = ask(port, f"{path}?version=1")
    assert (status, headers["content-type"], body) == (200, kind, FILES[path[1:] or "index.html"])


@pytest.mark.parametrize("path", ["/", "/define.js", "/v-0123abcd/worker.js", f"/{HASHED}", "/missing"])
def test_every_answer_has_the_policy_and_none_isolates_the_page(port: int, path: str) -> None:
    _, headers, _ = ask(port, path)
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert not {"cross-origin-opener-policy", "cross-origin-embedder-policy"} & headers.keys()


def test_a_refusal_by_the_protocol_itself_has_the_policy_too(port: int) -> None:
    status, headers, _ = ask(port, "/", "POST")
    assert (status, headers["content-security-policy"]) == (501, CSP)


@pytest.mark.parametrize(
    "path",
    [
        "/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/files/../../outside.txt", "/..\\outside.txt", "/..%5coutside.txt",
        "/leak.txt", "/up/outside.txt", "/up/", "/.hidden", "/%2ehidden", "//outside.txt", "//etc/passwd", "/index.html%00.js",
        "/%ff", "/files", "/files/", "/v-0123abcd/", "/missing", "outside.txt", "http://127.0.0.1/index.html", "*",
    ],
)  # fmt: skip
def test_nothing_but_files_of_the_folder_is_sent_and_no_folder_is_listed(port: int, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 404 " in answer.splitlines()[0]
    assert b"secret" not in answer and b"outside" not in answer and b"pyodide-" not in answer


def test_a_link_that_stays_inside_is_followed(port: int) -> None:
    assert ask(port, "/inside.txt")[2] == FILES["index.html"]


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=1000-", 1000, 1024), ("bytes=-24", 1000, 1024), ("bytes=1000-9999", 1000, 1024), ("bytes=-9999", 0, 1024)],
)  # fmt: skip
def test_a_range_is_sent_as_a_part(port: int, header: str, start: int, end: int) -> None:
    status, headers, body = ask(port, f"/{HASHED}", Range=header)
    assert (status, body) == (206, CONTENT[start:end])
    assert headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert headers["content-length"] == str(end - start)


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_length(port: int, header: str) -> None:
    status, headers, _ = ask(port, f"/{HASHED}", Range=header)
    assert (status, headers["content-range"]) == (416, "bytes */1024")


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=9-3", "bytes=a-b"])
def test_a_range_it_does_not_serve_gives_the_whole_file(port: int, header: str) -> None:
    assert ask(port, f"/{HASHED}", Range=header)[::2] == (200, CONTENT)


def test_a_download_resumes_only_over_the_same_file(port: int) -> None:
    tag = ask(port, f"/{HASHED}")[1]["etag"]
    assert ask(port, f"/{HASHED}", Range="bytes=1000-", If_Range=tag)[::2] == (206, CONTENT[1000:])
    assert ask(port, f"/{HASHED}", Range="bytes=1000-", If_Range='"another"')[::2] == (200, CONTENT)


def test_an_unchanged_file_is_not_sent_again(port: int) -> None:
    tag = ask(port, "/index.html")[1]["etag"]
    assert ask(port, "/index.html", If_None_Match=tag)[::2] == (304, b"")
    assert ask(port, "/index.html", If_None_Match='"another"')[0] == 200


@pytest.mark.parametrize(
    ("path", "immutable"),
    [("/", False), ("/define.js", False), ("/sw.js", False), ("/v-0123abcd/worker.js", True), (f"/{HASHED}", True), ("/files/pyodide-0123abcd/pyodide.mjs", True)],
)  # fmt: skip
def test_only_content_named_files_are_kept_without_asking(port: int, path: str, immutable: bool) -> None:
    assert ("immutable" in ask(port, path)[1]["cache-control"]) == immutable


@pytest.mark.parametrize(
    ("path", "shared"),
    [("/", False), ("/index.html", False), ("/sw.js", False), ("/define.js", True), ("/v-0123abcd/worker.js", True), (f"/{HASHED}", True)],
)  # fmt: skip
def test_other_sites_may_read_only_what_the_element_needs(port: int, path: str, shared: bool) -> None:
    assert ask(port, path)[1].get("access-control-allow-origin") == ("*" if shared else None)


def test_head_sends_the_headers_of_get_without_the_body(port: int) -> None:
    status, headers, body = ask(port, f"/{HASHED}", "HEAD")
    assert (status, headers["content-length"], body) == (200, "1024", b"")


def test_an_empty_file_has_no_satisfiable_range() -> None:
    assert chosen_range(None, 0) is None
    for header in ("bytes=0-", "bytes=-5"):
        with pytest.raises(ValueError, match="start|suffix"):
            chosen_range(header, 0)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="build the site first"):
        server(tmp_path / "missing")


@pytest.mark.parametrize(("path", "content"), [("/index/collection.findling", b"pointer"), ("/file/one.findling", b"one")])
def test_a_mount_is_served_with_the_headers_of_all(port: int, path: str, content: bytes) -> None:
    status, headers, body = ask(port, path, Range="bytes=1-")
    assert (status, body) == (206, content[1:])
    assert headers["content-security-policy"] == CSP
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/index", "/index/", "/index/.hidden", "/index/../outside.txt", "/index/x", "/file", "/file/", "/file/two", "/file/one.findling/", "/file/notes/x"])
def test_beside_a_mount_there_is_nothing(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404
