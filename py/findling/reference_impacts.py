"""What a published collection keeps of its documents for readers in pieces, for the reference: impacts of words, short codes of vectors.

Owns the sixteen levels and the codes of two bits as docs/FORMAT.md describes them, in plain Python and numpy. Must not know files, clusters or
how hits are ranked. Invariant: both follow from the documents alone, and what the engine rounds to 32 bits is rounded here.
"""

import math
import struct
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np

from findling.words import K1, B, Words, Written

LEVELS = 16
THRESHOLD = 0.9957
"""Where the outer levels of a code begin, in root mean squares of the components."""

Codes = tuple[list[int], float]


class Impacts:
    """How much a term counts in a document, as one of sixteen values: the means of sixteen groups of all postings."""

    def __init__(self, words: Words) -> None:
        written = list(words.written.values())
        lengths = sum(each.length() for each in written)
        self._average = lengths / len(written) if lengths else 1.0
        values = sorted(self._saturated(each, term) for each in written for term in _terms(each))
        self._levels: list[float] = []
        start, bound = 0, 0.0
        for level in range(LEVELS):
            if end := (level + 1) * len(values) // LEVELS:
                bound = values[end - 1]
            end = bisect_right(values, bound)
            self._levels.append(single(sum(values[start:end]) / (end - start)) if end > start else bound)
            start = end

    def of(self, written: Written, terms: Iterable[str]) -> float:
        """The highest impact of those of the terms that a document has; 0 if it has none."""
        values = [self._saturated(written, term) for term in terms if written.weighted([term])]
        return max((min(self._levels, key=lambda level: (single(abs(level - value)), level)) for value in values), default=0.0)

    def _saturated(self, written: Written, term: str) -> float:
        frequency = written.weighted([term])
        norm = K1 * (1.0 - B + B * written.length() / self._average)
        return single(frequency * (K1 + 1.0) / (frequency + norm))


def _terms(written: Written) -> set[str]:
    return {term for held in written.positions.values() for term in held}


def single(number: float) -> float:
    """A number rounded to 32 bits."""
    rounded: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return rounded


def unit(codes: Codes) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The vector of length 1 that codes point to."""
    vector = np.asarray(codes[0], np.float64) * codes[1]
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def short_codes(vector: "np.ndarray[Any, np.dtype[np.float32]]") -> Codes:
    """The levels -3, -1, 1 and 3 of a vector of the short space, and its scale, a number of 16 bits."""
    exact = vector.astype(np.float64)
    bound = THRESHOLD * math.sqrt(float(np.mean(exact * exact)))
    levels = np.where(exact < 0, np.where(exact < -bound, -3, -1), np.where(exact < bound, 1, 3))
    return levels.tolist(), float(np.float16(np.dot(exact, exact) / np.dot(exact, levels)))
