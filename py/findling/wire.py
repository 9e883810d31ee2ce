"""The messages between page and worker: message -> request, result -> reply, error -> object.

Owns the verbs, their arguments and the keys of every message on the Python side (web/protocol.js is the other side;
the pairs in tests/golden/wire keep both in step). Must not know what the verbs do. Invariant: whatever arrives, the
answer is a request or a `bad_request` that says what was expected.
"""

from typing import Any, NamedTuple

from findling.documents import well_formed
from findling.errors import BadRequest, from_exception

Message = dict[str, Any]

MAX_QUERY_CHARS = 10_000
MAX_LIMIT = 1_000
MAX_OFFSET = 1_000_000
MAX_NAME_CHARS = 200
MAX_TITLE_CHARS = 200

VERBS = (
    "open",
    "add",
    "remove",
    "search",
    "save",
    "status",
    "close",
    "collections",
    "rename",
    "delete",
    "commit",
    "export",
    "import",
)
"""What an application can be asked to do; `cancel` is about a request and not among them."""

_TEXT = "a string"
_NUMBER = "a whole number"
_FLAG = "true or false"
_BYTES = "bytes"
_LIST = "a list"
_OBJECT = "an object"

# For each verb its arguments: the type, and whether it must be there.
_ARGUMENTS: dict[str, dict[str, tuple[str, bool]]] = {
    "open": {"collection": (_TEXT, True), "src": (_TEXT, False), "keep": (_FLAG, False)},
    "add": {"collection": (_TEXT, True), "files": (_LIST, False), "documents": (_LIST, False)},
    "remove": {"collection": (_TEXT, True), "ids": (_LIST, True)},
    "search": {
        "collection": (_TEXT, True),
        "query": (_TEXT, True),
        "limit": (_NUMBER, False),
        "offset": (_NUMBER, False),
        "cursor": (_TEXT, False),
        "legs": (_TEXT, False),
        "like": (_TEXT, False),
        "filter": (_OBJECT, False),
        "facets": (_LIST, False),
        "sort": (_LIST, False),
        "correct": (_FLAG, False),
        "typing": (_FLAG, False),
        "explain": (_FLAG, False),
        "encoder": (_TEXT, False),
    },
    "save": {"collection": (_TEXT, True)},
    "status": {},
    "close": {"collection": (_TEXT, True)},
    "collections": {},
    "rename": {"collection": (_TEXT, True), "title": (_TEXT, True)},
    "delete": {"collection": (_TEXT, True)},
    "commit": {"collection": (_TEXT, True)},
    "export": {"collection": (_TEXT, True)},
    "import": {"collection": (_TEXT, True), "bytes": (_BYTES, True), "title": (_TEXT, False)},
    "cancel": {"id": (_NUMBER, True)},
}


class Request(NamedTuple):
    """A checked request: a verb of `VERBS` or `cancel`, and only arguments that the verb has, each of its type."""

    id: int
    verb: str
    args: dict[str, Any]


def request_id(message: Any) -> int | None:
    """The id to answer to, or None where the message has none that can be used."""
    id = message.get("id") if isinstance(message, dict) else None
    return id if _is(id, _NUMBER) else None


def parse(message: Any) -> Request:
    """The request in `message`; raises `BadRequest` naming what was found and what was expected."""
    if not isinstance(message, dict):
        raise BadRequest(f"a request is an object with id, verb and args; found {_kind(message)}")
    _keys(message, {"id": (_NUMBER, True), "verb": (_TEXT, True), "args": (_OBJECT, False)}, "the request")
    verb = message["verb"]
    if verb not in _ARGUMENTS:
        raise BadRequest(f"there is no verb {verb[:40]!r}; the verbs are {', '.join(_ARGUMENTS)}", verb=verb[:40])
    given = (message.get("args") or {}).items()
    args = {key: well_formed(value) if isinstance(value, str) else value for key, value in given if value is not None}
    _keys(args, _ARGUMENTS[verb], verb)
    _check(verb, args)
    return Request(message["id"], verb, args)


def method(verb: str) -> str:
    """The name of the method that carries out a verb; Python has taken one verb for itself."""
    return "import_" if verb == "import" else verb


def reply(id: int | None, result: Message) -> Message:
    """The answer to request `id`."""
    return {"id": id, "result": result}


def failure(id: int | None, exception: BaseException) -> Message:
    """The answer to request `id` when it failed; an exception that is none of ours becomes `bug`."""
    return {"id": id, "error": from_exception(exception).as_object()}


def progress(id: int, done: int, total: int, name: str | None = None) -> Message:
    """How far request `id` is: `done` of `total` documents, and the file it is working on."""
    counts: Message = {"done": done, "total": total}
    return {"id": id, "progress": {**counts, "name": name} if name else counts}


def _check(verb: str, args: Message) -> None:
    """The rules that one type alone does not state."""
    if "collection" in args and not 0 < len(args["collection"]) <= MAX_NAME_CHARS:
        raise BadRequest(f"`collection` has {len(args['collection'])} characters; 1 to {MAX_NAME_CHARS} were expected")
    if not 0 < len(args.get("title", "-").strip()) <= MAX_TITLE_CHARS:
        raise BadRequest(f"`title` has {len(args['title'].strip())} characters that show; 1 to {MAX_TITLE_CHARS} were expected")
    if verb == "add":
        if ("files" in args) == ("documents" in args):
            raise BadRequest("add takes either `files` or `documents`")
        for number, file in enumerate(args.get("files", ())):
            _keys(file, {"name": (_TEXT, True), "bytes": (_BYTES, True)}, f"files[{number}]")
        for number, document in enumerate(args.get("documents", ())):
            if not _is(document, _OBJECT):
                raise BadRequest(f"documents[{number}] is {_kind(document)}; an object was expected")
    if verb == "remove":
        for number, id in enumerate(args["ids"]):
            if not _is(id, _TEXT):
                raise BadRequest(f"ids[{number}] is {_kind(id)}; a string was expected")
    if verb == "search":
        if len(args["query"]) > MAX_QUERY_CHARS:
            raise BadRequest(
                f"`query` has {len(args['query'])} characters; the limit is {MAX_QUERY_CHARS}", limit=MAX_QUERY_CHARS
            )
        if not 1 <= args.get("limit", 1) <= MAX_LIMIT:
            raise BadRequest(f"`limit` is {args['limit']}; 1 to {MAX_LIMIT} was expected", limit=MAX_LIMIT)
        if not 0 <= args.get("offset", 0) <= MAX_OFFSET:
            raise BadRequest(f"`offset` is {args['offset']}; 0 to {MAX_OFFSET} was expected", limit=MAX_OFFSET)


def _keys(found: Any, expected: dict[str, tuple[str, bool]], where: str) -> None:
    if not _is(found, _OBJECT):
        raise BadRequest(f"{where} is {_kind(found)}; an object was expected")
    for key in found:
        if key not in expected:
            raise BadRequest(
                f"{where} has no argument {str(key)[:40]!r}; it takes {', '.join(expected) or 'none'}", key=str(key)[:40]
            )
    for key, (kind, required) in expected.items():
        value = found.get(key)
        if value is None:
            if required:
                raise BadRequest(f"{where} lacks `{key}`, {kind}", key=key)
        elif not _is(value, kind):
            raise BadRequest(f"`{key}` of {where} is {_kind(value)}; {kind} was expected", key=key)


def _is(value: Any, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str)
    if kind == _NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == _FLAG:
        return isinstance(value, bool)
    if kind == _BYTES:
        return isinstance(value, bytes | bytearray | memoryview)
    if kind == _LIST:
        return isinstance(value, list)
    return isinstance(value, dict)


def _kind(value: Any) -> str:
    """What a value is, in the words of the page's side."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, float):
        return "a number with a fraction"
    for kind in (_TEXT, _NUMBER, _BYTES, _LIST, _OBJECT):
        if _is(value, kind):
            return kind
    return f"of type {type(value).__name__}"
