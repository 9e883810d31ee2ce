"""An import cut into slices, so that others get their turn between two of them.

Owns how much is taken at a time, and what is embedded ahead by others. Must not know the index. Invariant: documents
come in their order, each once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from findling import passages
from findling.documents import Document

SLICE_WORDS = 400
"""How much is embedded before others get their turn, until it is known how long that takes."""
SLICE_S = 0.15
"""How long others wait for their turn at most, if documents are short enough to be told apart."""
SLICE_WORDS_MIN, SLICE_WORDS_MAX = 20, 4_000
SHARED_WORDS = 4_000
"""An import of so many words is shared out: one worker takes a second for it, and others need half of that to start."""
AHEAD_WORDS = 24 * SLICE_WORDS
"""How much is out to be embedded while the first of it is waited for: enough for three slices each of eight workers."""


class Session(Protocol):
    """Whoever embeds for one import beside the engine, with the same model (in a browser: web/pool.js)."""

    def embed(self, texts: list[str]) -> Awaitable[Any]:
        """The vectors of passages as `Engine.add_vectors` takes them; None when there are none, and the engine has to embed."""

    def end(self) -> None:
        """Nothing more is wanted; what is under way is answered with None. It may be said more than once."""


Share = Callable[[], Session | None]


@dataclass(slots=True)
class Slice:
    """Documents that are added in one go: what the engine is given for them, and their vectors where others embedded them."""

    documents: list[Document]
    entries: list[dict[str, Any]]
    words: int
    vectors: Any = None


class Slices:
    """The slices of an import in order; with a session, those to come are embedded while the first is waited for."""

    def __init__(self, documents: Sequence[Document], session: Session | None) -> None:
        self._session = session
        self._documents = deque(documents)
        self._ahead: deque[tuple[Slice, asyncio.Future[Any]]] = deque()
        self._words = SLICE_WORDS

    async def next(self) -> Slice | None:
        """The next slice, with its vectors where there are any; None after the last."""
        if self._session is None:
            return self._cut()
        out = sum(slice_.words for slice_, _ in self._ahead)
        while out < AHEAD_WORDS and (fresh := self._cut()):
            texts = [text for entry in fresh.entries for text in entry["passages"]]
            self._ahead.append((fresh, asyncio.ensure_future(self._session.embed(texts))))
            out += fresh.words
        if not self._ahead:
            return None
        slice_, vectors = self._ahead.popleft()
        slice_.vectors = await vectors
        return slice_

    def took(self, seconds: float, slice_: Slice) -> None:
        """How long the engine was busy with a slice it embedded itself: those to come are cut to take `SLICE_S`."""
        if self._session is None and seconds > 0:
            # Half and twice: one slice that was disturbed does not decide about the next.
            fitting = round(slice_.words * SLICE_S / seconds)
            fitting = min(max(fitting, self._words // 2), self._words * 2)
            self._words = min(max(fitting, SLICE_WORDS_MIN), SLICE_WORDS_MAX)

    def _cut(self) -> Slice | None:
        """The next documents, of about as many words as a slice has now."""
        taken: list[Document] = []
        count = 0
        while self._documents and count < self._words:
            taken.append(self._documents.popleft())
            count += words(taken[-1])
        return of(taken, count) if taken else None


def of(documents: list[Document], count: int = 0) -> Slice:
    """The slice of these documents, of about `count` words."""
    # By id: of two documents with one id the later one counts, in its own place, as if they had come in two slices.
    entries: dict[str, dict[str, Any]] = {}
    for document in documents:
        pieces = passages.cut(document)
        entries.pop(document.id, None)
        entries[document.id] = {
            "id": document.id,
            "fields": document.fields(),
            "values": document.values(),
            "passages": [piece.embedded for piece in pieces],
            "record": document.record([(piece.start, piece.end) for piece in pieces]),
            **({"language": document.language} if document.language else {}),
        }
    return Slice(documents, list(entries.values()), count)


def words(document: Document) -> int:
    """About how many words are embedded for a document."""
    # An overlap of a third on top, and the title in front; six letters and a blank stand for a word.
    return 8 + len(document.text) // 5
