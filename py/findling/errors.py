"""The errors of Findling: one class for each stable code, one shape for all.

Owns the codes (the list of record is tests/golden/codes.json) and the object `{code, message, detail}` that every
boundary carries. Must not know who raises or who shows them. Invariant: an error that crosses a boundary as an object
and comes back is the same class with the same message and detail.
"""

from typing import Any, ClassVar


class FindlingError(Exception):
    """Something went wrong, and the message says what, why and what to do. The parent of every error here."""

    code: ClassVar[str] = "bug"

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def as_object(self) -> dict[str, Any]:
        """The error as it crosses a boundary: `{code, message, detail}`."""
        return {"code": self.code, "message": self.message, "detail": self.detail}


class BadRequest(FindlingError):
    """A message or a plan is malformed: an unknown verb or key, a missing key, a wrong type."""

    code = "bad_request"


class BadInput(FindlingError):
    """A document, text, vector or file cannot be used: not text, broken syntax, NaN, over a limit."""

    code = "bad_input"


class BadFormat(FindlingError):
    """The bytes are not a Findling model or index, or they are damaged."""

    code = "bad_format"


class WrongVersion(FindlingError):
    """The file was written by a newer format than this program reads."""

    code = "wrong_version"


class WrongDigest(FindlingError):
    """A block of bytes does not have the digest that its file promises."""

    code = "wrong_digest"


class WrongDim(FindlingError):
    """A vector has another number of dimensions than the index."""

    code = "wrong_dim"


class WrongSpace(FindlingError):
    """Vectors of two models would have been compared."""

    code = "wrong_space"


class Unsupported(FindlingError):
    """A kind of file, architecture or backend that this version does not handle."""

    code = "unsupported"


class NotFound(FindlingError):
    """A collection, file or document that was named does not exist."""

    code = "not_found"


class NotReady(FindlingError):
    """The model has not been loaded yet."""

    code = "not_ready"


class Aborted(FindlingError):
    """The request was cancelled."""

    code = "aborted"


class Closed(FindlingError):
    """The thing that was used has been closed."""

    code = "closed"


class NetworkError(FindlingError):
    """A download failed."""

    code = "network"


class StorageError(FindlingError):
    """Reading or writing stored bytes failed."""

    code = "storage"


class NoWasm(FindlingError):
    """WebAssembly is missing or forbidden where it is needed."""

    code = "no_wasm"


class WorkerFailed(FindlingError):
    """The worker died or could not be started."""

    code = "worker_failed"


class Bug(FindlingError):
    """An invariant of the program itself does not hold."""

    code = "bug"


CLASSES: dict[str, type[FindlingError]] = {
    each.code: each
    for each in (
        BadRequest,
        BadInput,
        BadFormat,
        WrongVersion,
        WrongDigest,
        WrongDim,
        WrongSpace,
        Unsupported,
        NotFound,
        NotReady,
        Aborted,
        Closed,
        NetworkError,
        StorageError,
        NoWasm,
        WorkerFailed,
        Bug,
    )
}


def from_object(code: str, message: str, detail: dict[str, Any] | None = None) -> FindlingError:
    """The error that another side of a boundary described; a code that is not in the list becomes `bug` and is kept in the detail."""
    known = CLASSES.get(code)
    if known is None:
        return Bug(message, **{**(detail or {}), "code": code})
    error = known(message)
    error.detail = dict(detail or {})
    return error


def from_exception(exception: BaseException) -> FindlingError:
    """Any exception as one of ours: its own error, or `bug` with the type's name in the detail."""
    if isinstance(exception, FindlingError):
        return exception
    error = Bug(f"unexpected {type(exception).__name__}: {exception}; this is a fault in Findling, please report it")
    error.detail = {"type": type(exception).__name__}
    return error
