"""Filters, facets and orders of the reference engine, one document after the other (docs/guide/filters.md).

Owns what conditions, counts and orders mean, as the contract tests compare every backend with. Must not know vectors, words
or indexes: it takes the `values` of documents. Invariant: nothing is kept between two calls.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any

Value = str | float
Values = Mapping[str, Sequence[Value]]

LISTED = 10
MEANING_K = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)


def passes(filter: Mapping[str, Any], id: str, values: Values) -> bool:
    """Whether a document may be found."""
    match filter:
        case {"ids": ids}:
            return id in ids
        case {"not_ids": ids}:
            return id not in ids
        case {"and": parts}:
            return all(passes(part, id, values) for part in parts)
        case {"or": parts}:
            return any(passes(part, id, values) for part in parts)
        case {"not": part}:
            return not passes(part, id, values)
    own = values.get(filter["field"], ())
    is_tree = filter.get("tree", False)

    def has(pick: Any) -> bool:
        return any(_is_picked(value, pick, is_tree) for value in own)

    return (
        ("any" not in filter or any(map(has, filter["any"])))
        and all(map(has, filter.get("all", ())))
        and not any(map(has, filter.get("none", ())))
        and ("range" not in filter or has(filter["range"]))
        and filter.get("exists", bool(own)) == bool(own)
    )


def without_any(filter: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The filter for the counts of a field, which what was picked of that field does not narrow."""
    if "and" in filter:
        return {"and": [without_any(part, name) for part in filter["and"]]}
    if filter.get("field") == name:
        return {key: value for key, value in filter.items() if key != "any"}
    return filter


def counted(facet: Mapping[str, Any], documents: Iterable[Values]) -> dict[str, Any]:
    """The counts of a facet over the values of documents."""
    name, ranges, missing = facet["field"], facet.get("ranges"), 0
    counts: dict[Value, int] = {}
    for values in documents:
        own = values.get(name, ())
        missing += not own
        groups: set[Value]
        if ranges is not None:
            groups = {at for at, span in enumerate(ranges) if any(_is_picked(value, span, False) for value in own)}
        elif facet.get("tree"):
            groups = {level for value in own if (level := _level(value, facet.get("under"))) is not None}
        else:
            groups = set(own)
        for group in groups:
            counts[group] = counts.get(group, 0) + 1
    if ranges is not None:
        buckets = [{"range": at, "count": counts.get(at, 0)} for at in range(len(ranges))]
        return {"field": name, "values": buckets, "distinct": len(ranges), "missing": missing}
    by_value = sorted(counts, key=_key)
    if facet.get("sort", "count") == "count":
        by_value.sort(key=lambda value: -counts[value])
    listed = [{"value": value, "count": counts[value]} for value in by_value[: facet.get("limit", LISTED)]]
    return {"field": name, "values": listed, "distinct": len(counts), "missing": missing}


def sorted_ids(sort: Sequence[Mapping[str, str]], documents: Mapping[str, Values]) -> list[str]:
    """Ids in the order of fields, of equal ones by id."""

    def compare(one: str, other: str) -> int:
        for key in sort:
            descending = key.get("order") == "desc"
            a, b = (_best(documents[id].get(key["field"], ()), descending) for id in (one, other))
            if a != b:
                if a is None or b is None:
                    return 1 if a is None else -1
                return (a > b) - (a < b) if not descending else (a < b) - (a > b)
        return (one.encode() > other.encode()) - (one.encode() < other.encode())

    return sorted(documents, key=cmp_to_key(compare))


def matched(
    allowed: Collection[str], words: Collection[str] | None, meaning: Mapping[str, float] | None, meaning_k: int
) -> set[str]:
    """The match set: what is allowed and has a word, and the best by meaning; everything for an empty query."""
    if words is None and meaning is None:
        return set(allowed)
    ranking = sorted(allowed, key=lambda id: (-meaning[id], id.encode())) if meaning is not None else []
    return {id for id in allowed if id in (words or ())} | set(ranking[:meaning_k])


def seconds(text: str) -> tuple[int, int] | None:
    """The first second that a date means, and the one after the last, since 1970; none for other texts."""
    parts = _DATE.fullmatch(text)
    if parts is None or not text.isascii():
        return None
    year, month, day, hour, minute, second = (
        int(parts[name]) if parts[name] else None for name in ("year", "month", "day", "hour", "minute", "second")
    )
    assert year is not None
    # The calendar repeats after 400 years; the first and the last of them are none for `datetime`.
    turns = 1 if year < 400 else -1 if year >= 9600 else 0
    shift = -turns * 146_097 * 86_400
    leap_second = second == 60
    try:
        start = datetime(
            year + 400 * turns, month or 1, day or 1, hour or 0, minute or 0, 59 if leap_second else second or 0, tzinfo=UTC
        )
    except ValueError:
        return None
    if month is None:
        end = start.replace(year=start.year + 1)
    elif day is None:
        end = (start + timedelta(days=31)).replace(day=1)
    else:
        end = start + timedelta(
            days=1 if hour is None else 0, minutes=1 if hour is not None and second is None else 0, seconds=second is not None
        )
    zone = 0
    if parts["zone"] and parts["zone"] not in "Zz":
        hours, minutes = int(parts["zone"][1:3]), int(parts["zone"][3:].lstrip(":") or 0)
        zone = (hours * 60 + minutes) * 60 * (-1 if parts["zone"][0] == "-" else 1)
        if minutes > 59 or abs(zone) > 18 * 3600:
            return None
    first, last = (int((moment - _EPOCH).total_seconds()) + shift - zone + leap_second for moment in (start, end))
    return first, last


def _is_picked(value: Value, pick: Any, is_tree: bool) -> bool:
    if not isinstance(pick, dict):
        if isinstance(value, str) != isinstance(pick, str):
            return False
        return value == pick or (is_tree and isinstance(value, str) and value.startswith(f"{pick}/"))
    if isinstance(value, str):
        date = seconds(value)
        if date is None or not all(isinstance(bound, str) for bound in pick.values()):
            return False
        spans = {key: seconds(bound) for key, bound in pick.items()}
        return all(_is_within(key, date[0], span) for key, span in spans.items() if span is not None)
    if any(isinstance(bound, str) for bound in pick.values()):
        return False
    return all(
        {"min": value >= bound, "above": value > bound, "max": value <= bound, "below": value < bound}[key]
        for key, bound in pick.items()
    )


def _is_within(key: str, moment: int, span: tuple[int, int]) -> bool:
    first, after = span
    return {"min": moment >= first, "above": moment >= after, "max": moment < after, "below": moment < first}[key]


def _level(value: Value, under: str | None) -> str | None:
    if not isinstance(value, str):
        return None
    above = "" if under is None else f"{under}/"
    below = value[len(above) :]
    if not value.startswith(above) or not below:
        return None
    return above + below[0] + below[1:].split("/")[0]


def _key(value: Value) -> tuple[bool, float, bytes]:
    return (True, 0.0, value.encode()) if isinstance(value, str) else (False, value, b"")


def _best(values: Sequence[Value], descending: bool) -> tuple[int, float, bytes] | None:
    """What a document is sorted by: numbers, dates, other texts."""

    def rank(value: Value) -> tuple[int, float, bytes]:
        if not isinstance(value, str):
            return (0, value, b"")
        date = seconds(value)
        return (2, 0.0, value.encode()) if date is None else (1, date[0], value.encode())

    ranks = list(map(rank, values))
    return (max if descending else min)(ranks) if ranks else None
