"""The Engine contract, and the way to the native engine: the only importer of the Rust binding.

Owns the methods every backend has (native, each wasm tier, js, the reference) and the conversion of the
binding's errors into ours. Must not know what collections, documents or messages are. Invariant: requests and replies
are UTF-8 JSON bytes unless said otherwise, and a failing call leaves the engine as it was.
"""

import importlib
import json
from collections.abc import Callable
from typing import Any, Protocol

from findling.errors import FindlingError, Unsupported, from_object

METHODS = (
    "backend",
    "load_model",
    "adopt_model",
    "load_pieces",
    "tokenize",
    "embed",
    "open",
    "provide",
    "add",
    "add_vectors",
    "remove",
    "search",
    "snippets",
    "records",
    "dump",
    "publish",
    "commit",
    "status",
    "close",
)
"""The methods after the constructor, in the order every implementation lists them."""


class Engine(Protocol):
    """Embeds, keeps vectors, finds the nearest. It never reads a file: it answers `need`, and is given the bytes by `provide`."""

    def backend(self) -> str:
        """Which build computes: native, wasm-relaxed, wasm-simd, wasm-scalar, js or reference."""

    def load_model(self, model: Any) -> bytes:
        """Take a model file's bytes; answer name, space, dim, max_tokens, digest, size_bytes."""

    def adopt_model(self, model: Any) -> bytes:
        """As `load_model`, for a file whose sha256 the caller has compared with one that he trusts: it is not hashed again."""

    def load_pieces(self, pieces: Any) -> bytes:
        """Take a piece table's bytes; answer name, space, dim, pieces, digest, size_bytes."""

    def tokenize(self, request: bytes) -> bytes:
        """text, kind ("query", "passage" or null), max_tokens or null: the token ids."""

    def embed(self, request: bytes) -> bytes:
        """texts, kind, max_tokens, encoder ("model" or "static"): raw little-endian f32, one row of dim numbers for each text."""

    def open(self, request: bytes) -> bytes:
        """index, and for a stored one file and length: counts, space, meta; or need."""

    def provide(self, file: str, offset: int, data: Any) -> None:
        """Bytes of `file` from `offset` on, as a need asked for; verified when used. `data` is whatever bytes this engine takes."""

    def add(self, request: bytes) -> bytes:
        """index, documents of id, passages, record: added, replaced, passages. All or nothing; the same id replaces."""

    def add_vectors(self, request: bytes, vectors: Any) -> bytes:
        """As `add`, with ready vectors of the model `space`: raw little-endian f32, one row for each passage in order."""

    def remove(self, request: bytes) -> bytes:
        """index, ids: removed."""

    def search(self, request: bytes) -> bytes:
        """A plan (see findling.query): hits, best first, each with id, score, passage, record; or need."""

    def snippets(self, request: bytes) -> bytes:
        """items of title, text, spans, passage, and a query: of each the title and a window of the text in marked pieces."""

    def records(self, request: bytes) -> bytes:
        """index, and ids for some only: id and record in the order of insertion; or need."""

    def dump(self, request: bytes) -> bytes:
        """index, meta: the whole index as the bytes of one file, which never begin with a brace; or need."""

    def publish(self, request: bytes) -> bytes:
        """index, meta: the length of a pointer file as a big-endian u32, that file, and the segment it names; or need."""

    def commit(self, request: bytes) -> bytes:
        """index, on (digest of the stored pointer, or null), meta, merge (segments): what changed since, as `publish` answers, with a
        live segment or none; or need. It counts as stored once a later call names its digest as `on`."""

    def status(self) -> bytes:
        """backend, kernel, model, pieces, indexes; size_bytes of what is held, by part; memory_bytes of a WebAssembly build, else null."""

    def close(self, request: bytes) -> bytes:
        """index: forget it."""


Request = dict[str, Any]


def encode(request: Request) -> bytes:
    """A request as the bytes an engine takes."""
    return json.dumps(request, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


class BoundEngine:
    """An engine behind a binding: `call(method, *arguments)` carries a call across and turns the other side's errors into ours."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def backend(self) -> str:
        return str(self._call("backend"))

    def load_model(self, model: Any) -> bytes:
        return self._bytes("load_model", model)

    def adopt_model(self, model: Any) -> bytes:
        return self._bytes("adopt_model", model)

    def load_pieces(self, pieces: Any) -> bytes:
        return self._bytes("load_pieces", pieces)

    def tokenize(self, request: bytes) -> bytes:
        return self._bytes("tokenize", request)

    def embed(self, request: bytes) -> bytes:
        return self._bytes("embed", request)

    def open(self, request: bytes) -> bytes:
        return self._bytes("open", request)

    def provide(self, file: str, offset: int, data: Any) -> None:
        self._call("provide", file, offset, data)

    def add(self, request: bytes) -> bytes:
        return self._bytes("add", request)

    def add_vectors(self, request: bytes, vectors: Any) -> bytes:
        return self._bytes("add_vectors", request, vectors)

    def remove(self, request: bytes) -> bytes:
        return self._bytes("remove", request)

    def search(self, request: bytes) -> bytes:
        return self._bytes("search", request)

    def snippets(self, request: bytes) -> bytes:
        return self._bytes("snippets", request)

    def records(self, request: bytes) -> bytes:
        return self._bytes("records", request)

    def dump(self, request: bytes) -> bytes:
        return self._bytes("dump", request)

    def publish(self, request: bytes) -> bytes:
        return self._bytes("publish", request)

    def commit(self, request: bytes) -> bytes:
        return self._bytes("commit", request)

    def status(self) -> bytes:
        return self._bytes("status")

    def close(self, request: bytes) -> bytes:
        return self._bytes("close", request)

    def _bytes(self, method: str, *arguments: Any) -> bytes:
        reply: bytes = self._call(method, *arguments)
        return reply


def load() -> Engine:
    """The native engine; raises `Unsupported` where this installation has none.

    It embeds several texts on all cores, with the same bytes as on one. The environment variable RAYON_NUM_THREADS, set
    before the first text is embedded, gives the whole process another number of threads. Threads do not survive a fork:
    a process that has embedded must start others with the method `spawn` or `forkserver` of multiprocessing.
    """
    native = _binding()
    engine = native.Engine()

    def call(method: str, *arguments: Any) -> Any:
        try:
            return getattr(engine, method)(*arguments)
        except native.EngineError as error:
            raise _converted(error) from None

    return BoundEngine(call)


VECTOR_METHODS = ("add", "remove", "get", "link", "search", "dump", "status")
"""The methods of a vector index, in the order every backend lists them."""


class BoundVectorIndex:
    """A vector index behind a binding. Ids are little-endian u32, vectors little-endian f32, both end to end as bytes."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def add(self, ids: bytes, vectors: bytes) -> dict[str, Any]:
        """One vector for each id, all or nothing; a known id is replaced: added, replaced."""
        return self._object("add", ids, vectors)

    def remove(self, ids: bytes) -> dict[str, Any]:
        """Remove vectors; ids that are not there count for nothing: removed."""
        return self._object("remove", ids)

    def get(self, ids: bytes) -> bytes:
        """The vectors of ids as they are kept; raises `NotFound` for an id that is not there."""
        vectors: bytes = self._call("get", ids)
        return vectors

    def link(self, rounds: int = 2**32 - 1) -> dict[str, Any]:
        """At most so many rounds of the work that makes searches fast: linked, waiting, done."""
        return self._object("link", rounds)

    def search(self, vector: bytes, filter: bytes = b"", **options: Any) -> dict[str, Any]:
        """The nearest vectors: hits, nearest first, each with id and score (higher is nearer, distances are negative).

        options: limit, ef_search, rescore, index ("flat" scans exactly), explain. filter: bit `id % 8` of byte `id // 8` is
        set for ids that may be found; no bytes for all.
        """
        return self._object("search", encode(options), vector, filter)

    def dump(self) -> bytes:
        """The index as the bytes of a file; the same calls give the same bytes."""
        file: bytes = self._call("dump")
        return file

    def status(self) -> dict[str, Any]:
        """vectors, linked, waiting, removed, graph, size_bytes of vectors, graph, text (ids) and buffers, spec."""
        return self._object("status")

    def _object(self, method: str, *arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._call(method, *arguments))
        return answer


def vector_index(*, file: bytes | None = None, **spec: Any) -> BoundVectorIndex:
    """A native vector index: out of the bytes of a `file`, or empty for a spec.

    spec: dim, metric ("cosine", "dot", "euclidean", "manhattan"), store ("int8", "f32", "int4"), sketch (keep one bit a
    component as well), index ("auto", "flat", "graph"), graph_from, m, ef_construction. Raises `BadRequest`,
    `Unsupported`, or `BadFormat` for a file.
    """
    native = _binding()

    def made() -> Any:
        return native.VectorIndex(encode(spec)) if file is None else native.VectorIndex.load(file)

    def call(method: str, *arguments: Any) -> Any:
        try:
            return getattr(index, method)(*arguments)
        except native.EngineError as error:
            raise _converted(error) from None

    try:
        index = made()
    except native.EngineError as error:
        raise _converted(error) from None
    return BoundVectorIndex(call)


def pack(kind: str, meta: dict[str, Any], sections: list[tuple[str, bytes]], blocks: dict[str, int] | None = None) -> bytes:
    """A container file of `kind` ("model", "index" or "pieces") with `sections` in order; see docs/FORMAT.md.

    `blocks`: for some sections, the bytes that one digest covers.
    """
    sizes = blocks or {}
    described = [
        {"name": name, "length": len(data), **({"block": sizes[name]} if name in sizes else {})} for name, data in sections
    ]
    request = {"kind": kind, "meta": meta, "sections": described}
    return _free("pack", encode(request), b"".join(data for _, data in sections))


def inspect(container: bytes) -> dict[str, Any]:
    """The header of a container file, after every block has been verified."""
    header: dict[str, Any] = json.loads(_free("inspect", container))
    return header


def compute(request: Request, payload: bytes) -> bytes:
    """One calculation over vectors: `op`, `dim` and what else it takes, over rows of little-endian f32; see docs/guide/vectors.md."""
    return _free("compute", encode(request), payload)


def analyse(text: str, language: str | None = None) -> dict[str, Any]:
    """The tokens of a text as they are indexed: language, tokens of term, form, position, start, end (in bytes of UTF-8), whole.

    language: an ISO 639 code; without one it is guessed from a text of over 200 characters, and `und` where it is not known.
    """
    # Escaped, since a lone surrogate has no UTF-8 form; the engine takes it as U+FFFD.
    request = json.dumps({"text": text, "language": language}).encode()
    reply: dict[str, Any] = json.loads(_free("analyse", request))
    return reply


def _free(name: str, *arguments: bytes) -> bytes:
    native = _binding()
    try:
        result: bytes = getattr(native, name)(*arguments)
    except native.EngineError as error:
        raise _converted(error) from None
    return result


def _binding() -> Any:
    try:
        return importlib.import_module("findling._native")
    except ImportError as error:
        raise Unsupported(
            f"the native engine is missing from this installation ({error}); build it with ./build.sh setup", backend="native"
        ) from error


def _converted(error: Exception) -> FindlingError:
    code, message, detail = error.args
    return from_object(code, message, json.loads(detail) if detail else None)
