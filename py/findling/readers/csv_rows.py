"""Comma-separated values (.csv): one document for each row.

Owns the delimiter, the header and which columns are title and text. Must not know how passages are cut. Invariant:
every column of a row is kept, as a field or in `meta`; rows before a broken one are kept too.
"""

import csv
import io
from typing import Any

from findling.documents import from_fields
from findling.errors import BadInput, FindlingError
from findling.readers import Reading, reason_of
from findling.readers.fields import NAMES

MAX_ROWS = 200_000
MAX_COLUMNS = 1_000

_DELIMITERS = ",;\t|"
def read(name: str, text: str) -> Reading:
    """The documents of the rows. Without a header the first column is the title and the others are the text."""
    reading = Reading()
    rows = _rows(text, reading)
    if not rows:
        return reading
    header = [cell.strip() for cell in rows[0][1]] if _is_header([row for _, row in rows[:20]]) else None
    columns = _columns(header)
    for line, row in rows[1:] if header else rows:
        fields: dict[str, Any] = {}
        rest = []
        for index, cell in enumerate(row):
            value = cell.strip()
            field = columns.get(index)
            label = header[index] if header and index < len(header) and header[index] else f"column {index + 1}"
            if not value:
                continue
            if field:
                fields[field] = value
            else:
                rest.append((label, value))
        if "text" not in columns.values():
            fields["text"] = ". ".join(value for _, value in rest)
        if header and rest:
            fields["meta"] = dict(rest)
        try:
            reading.documents.append(from_fields(fields, f"{name}#{line}"))
        except FindlingError as error:
            reading.faults.append((f"line {line}", reason_of(error)))
    return reading


def _rows(text: str, reading: Reading) -> list[tuple[int, list[str]]]:
    """The rows that have something in them, each with the line it ends on; ends early, with a fault, where the quoting breaks."""
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows: list[tuple[int, list[str]]] = []
    parser = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter)
    try:
        for row in parser:
            if len(row) > MAX_COLUMNS:
                raise BadInput(f"the row has {len(row)} columns, the limit is {MAX_COLUMNS}")
            if any(cell.strip() for cell in row):
                rows.append((parser.line_num, row))
            if len(rows) > MAX_ROWS:
                raise BadInput(f"the limit of {MAX_ROWS} rows is reached; split the file")
    except (csv.Error, BadInput) as error:
        reading.faults.append((f"line {parser.line_num}", f"{reason_of(error)}; the rows from here on were left out"))
    return rows


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: by a name that is known, or by being words above a column of numbers."""
    first = [cell.strip().lower() for cell in rows[0]]
    if any(cell in names for cell in first for names in NAMES.values()):
        return True
    if len(rows) < 2 or not all(first) or len(set(first)) < len(first) or any(_is_number(cell) for cell in first):
        return False
    return any(all(index < len(row) and _is_number(row[index].strip()) for row in rows[1:]) for index in range(len(first)))


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _columns(header: list[str] | None) -> dict[int, str]:
    """Which column is which field."""
    if header is None:
        return {0: "title"}
    lowered = [cell.lower() for cell in header]
    columns: dict[int, str] = {}
    for field, names in NAMES.items():
        for name in names:
            if name in lowered and lowered.index(name) not in columns:
                columns[lowered.index(name)] = field
                break
    if "title" not in columns.values() and "text" not in columns.values():
        free = next((index for index in range(len(header)) if index not in columns), None)
        if free is not None:
            columns[free] = "title"
    return columns
