"""What an add is given, files or objects of fields, as documents.

Owns the list of what was read and what was left out, and the turns that others get while a file is read. Must not know
collections. Invariant: what cannot be used is listed with its code and reason and costs nothing but itself.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from findling import readers
from findling.documents import Document, from_fields, well_formed
from findling.errors import Aborted, FindlingError, Unsupported

Prepare = Callable[[str], Awaitable[None]]
"""Makes a package importable that a reader needs; raises `Unsupported` or `NetworkError` where it cannot."""

STEP_S = 0.05
"""How long a file is read before others get their turn."""


async def not_installed(package: str) -> None:
    """The `Prepare` of a host that has no packages but those that are installed."""
    raise Unsupported(f"the Python package {package} reads this kind of file and is not installed; install it (pip install {package})", package=package)


@dataclass(slots=True)
class Intake:
    """What one add has gathered: the documents to add, for each the name it came under, what was left out, and the ids of
    documents that an engine refused.
    """

    pause: Callable[[], Awaitable[None]]
    clock: Callable[[], float]
    prepare: Prepare
    is_cancelled: Callable[[], bool]
    documents: list[Document] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def take(self, name: str, documents: Sequence[Document]) -> None:
        """Gather documents that came under a name."""
        self.documents += documents
        self.names += [name] * len(documents)

    def skip(self, name: str, code: str, reason: str) -> None:
        """List what was left out."""
        self.skipped.append({"name": name, "code": code, "reason": reason})

    def refuse(self, document: Document, refusal: FindlingError) -> None:
        """List a document that the engine refused."""
        self.refused.add(document.id)
        self.skip(document.id, refusal.code, refusal.message)

    def fields(self, given: Iterable[dict[str, Any]]) -> None:
        """Take objects of fields."""
        for number, fields in enumerate(given):
            fallback = f"document-{number + 1}"
            name = well_formed(str(fields.get("id") or fallback))
            try:
                self.take(name, [from_fields(fields, fallback)])
            except FindlingError as error:
                self.skip(name, error.code, error.message)

    def missed(self, positions: Sequence[int]) -> None:
        """List the documents at these places, which were not added because the import was cancelled."""
        missed = [self.names[position] for position in positions]
        for name in dict.fromkeys(missed):
            left, of = missed.count(name), self.names.count(name)
            self.skip(name, Aborted.code, f"cancelled before {'it' if of == 1 else f'{left} of its {of} documents'} could be added")

    async def files(self, files: Iterable[dict[str, Any]]) -> None:
        """Read files one after the other, and let others run in between; `url` of one is the address of its documents that tell none."""
        listed = {readers.clean_name(file["name"]): file["bytes"] for file in files} if isinstance(files, list) else {}

        def beside(name: str) -> bytes | None:
            found = listed.get(name)
            return None if found is None else bytes(found)

        for number, file in enumerate(files):
            if number:
                await self.pause()
            name = readers.clean_name(file["name"])
            if self.is_cancelled():
                self.skip(name, Aborted.code, "cancelled before it was read")
                continue
            try:
                reading = await self._read_one(name, _bytes(file["bytes"]), file.get("beside", beside))
            except FindlingError as error:
                self.skip(name, error.code, error.message)
                continue
            url = str(file.get("url") or "")
            self.take(name, [replace(each, url=url) if url and not each.url else each for each in reading.documents])
            for each in reading.skipped:
                self.skip(each.name, each.code, each.message)
            if reading.faults:
                self.skip(name, "bad_input", reading.reason())

    async def _read_one(self, name: str, data: bytes, beside: Callable[[str], bytes | None]) -> readers.Reading:
        """What is in a file; what its reader needs is fetched first."""
        prepared: set[str] = set()
        while True:
            reading = readers.Reading()
            began = self.clock()
            try:
                for _ in readers.steps(readers.File(name, data, beside=beside), reading):
                    if self.clock() - began > STEP_S:
                        await self.pause()
                        began = self.clock()
                    if self.is_cancelled():
                        raise Aborted("cancelled while it was read")
                return reading
            except readers.Needs as need:
                if need.package in prepared:
                    raise Unsupported(f"{need.package} could not be loaded, which reads this kind of file", package=need.package) from need
                prepared.add(need.package)
                await self.prepare(need.package)


def _bytes(data: Any) -> Any:
    """What was handed over as bytes; a file's map in memory stays where it is."""
    return data if isinstance(data, bytes) or hasattr(data, "seek") else bytes(data)
