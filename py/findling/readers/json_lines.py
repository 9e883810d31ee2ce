"""JSON Lines (.jsonl): one document on each line.

Owns the counting of lines. Must not know more of JSON than its sibling tells. Invariant: a broken line costs that line.
"""

from findling.errors import BadInput
from findling.readers import Reading
from findling.readers.json_objects import MAX_ITEMS, parse, take

MAX_LINE_CHARS = 4_000_000


def read(name: str, text: str) -> Reading:
    """The documents of the lines; blank lines are passed over, lines that are no documents are faults by their number."""
    reading = Reading()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        if len(reading.documents) == MAX_ITEMS:
            reading.faults.append((place, f"the limit of {MAX_ITEMS} documents is reached; split the file"))
            break
        if len(line) > MAX_LINE_CHARS:
            reading.faults.append((place, f"it has {len(line)} characters, the limit is {MAX_LINE_CHARS}"))
            continue
        try:
            value = parse(line)
        except BadInput as error:
            reading.faults.append((place, error.message.replace("at line 1, column", "at column")))
            continue
        take(reading, value, f"{name}#{number}", place)
    return reading
