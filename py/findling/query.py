"""What a person typed -> the plan an engine answers.

Owns the reading of the query and the keys of a plan. Must not know how a plan is carried out. Invariant: any string
gives a plan or None, None meaning that there is nothing to search for.
"""

from typing import Any

from findling.documents import well_formed

DEFAULT_LIMIT = 10
MAX_CHARS = 2_000
"""The model reads at most a few hundred tokens; what lies beyond cannot change the answer."""


def normalise(query: str) -> str:
    """The query with every run of blanks as one space, none at the ends, and at most `MAX_CHARS` long."""
    return " ".join(well_formed(query).split())[:MAX_CHARS].rstrip()


def plan(query: str, *, index: str, limit: int = DEFAULT_LIMIT) -> dict[str, Any] | None:
    """The plan for a query against `index`: rank by meaning alone, at most `limit` documents."""
    text = normalise(query)
    if not text:
        return None
    return {"index": index, "text": text, "limit": limit, "weights": {"dense": 1.0}}
