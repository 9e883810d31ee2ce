"""XML, read as events, without anything that could grow.

Owns the refusal of what an honest document of data has not: entities of its own, external references, endless depth.
Must not know vocabularies. Invariant: the memory taken is that of the bytes and of one chunk of events.
"""

from collections.abc import Iterator
from xml.parsers import expat

from findling.errors import BadInput

MAX_DEPTH = 256
MAX_EVENTS = 20_000_000
_CHUNK = 64 * 1024

Event = tuple[str, str, dict[str, str]]
"""`("start", name, attributes)`, `("end", name, {})`, `("text", text, {})`. A name is `namespace local`, or `local` where it has none."""


def events(data: bytes) -> Iterator[Event]:
    """The events of an XML document; raises `BadInput` where it is broken or hostile."""
    found: list[Event] = []
    depth = 0
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise BadInput(f"its XML nests more than {MAX_DEPTH} levels deep, which is the limit", limit=MAX_DEPTH)
        found.append(("start", name, attributes))

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(("end", name, {}))

    def text(data: str) -> None:
        found.append(("text", data, {}))

    def refuse(*arguments: object) -> int:
        raise BadInput("its XML declares entities, which documents have no use for and bombs are made of")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        for at in range(0, len(data) + 1, _CHUNK):
            parser.Parse(data[at : at + _CHUNK], at + _CHUNK > len(data))
            count += len(found)
            if count > MAX_EVENTS:
                raise BadInput(f"its XML has more than {MAX_EVENTS} parts, which is the limit", limit=MAX_EVENTS)
            yield from found
            found.clear()
    except expat.ExpatError as error:
        raise BadInput(f"its XML is broken at line {error.lineno}, column {error.offset}: {expat.ErrorString(error.code)}") from error
    except (ValueError, LookupError) as error:
        raise BadInput(f"its XML cannot be read: {error}") from error


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(" ")[2]
