"""Which segments are merged, over numbers alone: many lives of collections up to a gigabyte.

Owns a collection that has only lengths. Invariant under test: at rest there are few segments and little in them is gone, no merge
takes long, and a document is written anew about once for each doubling.
"""

import math
import random

import pytest

from findling.segments import DOCUMENT_BYTES, MERGE_BYTES, SMALL_BYTES, WORN, to_merge


class Lengths:
    """A collection of documents that all take `DOCUMENT_BYTES`; each segment is how many it has and how many of them live."""

    def __init__(self):
        self.segments, self.pending, self.written, self.most, self.serial = {}, 0, 0, 0, 0

    def told(self):
        return {
            "pending": self.pending,
            "segments": [
                {"file": name, "length": has * DOCUMENT_BYTES, "documents": has, "living": lives, "live": True}
                for name, (has, lives) in self.segments.items()
            ]
            + [{"file": "published", "length": 10**9, "documents": 10**6, "living": 1, "live": False}],
        }

    def commit(self):
        """Until nothing more is to be merged, as `Keeper.commit` does it."""
        merge = to_merge(self.told())
        while self.pending or merge:
            taken = [self.segments.pop(name) for name in merge]
            if len(taken) > 1:
                self.most = max(self.most, sum(has for has, _ in taken) * DOCUMENT_BYTES)
            fresh = self.pending + sum(lives for _, lives in taken)
            if fresh:
                self.serial += 1
                self.segments[f"s{self.serial:06}"] = (fresh, fresh)
            self.written, self.pending = self.written + fresh, 0
            self.segments = {name: each for name, each in self.segments.items() if each[1]}
            merge = to_merge(self.told())

    def remove(self, chance, count):
        for _ in range(count):
            name = chance.choice(list(self.segments))
            has, lives = self.segments[name]
            self.segments[name] = (has, max(0, lives - 1))


@pytest.mark.parametrize("batch", [1, 30, 1_000, 40_000])
@pytest.mark.parametrize("removed", [0.0, 0.3])
def test_there_are_few_segments_little_is_gone_and_no_merge_is_long(batch, removed):
    chance, lengths, added, removals = random.Random(batch), Lengths(), 0, 0
    for _ in range(400 if batch < 40_000 else 12):
        count = chance.randint(1, 2 * batch)
        lengths.pending, added = lengths.pending + count, added + count
        lengths.commit()
        lengths.remove(chance, gone := int(count * removed))
        removals += gone
        lengths.commit()
        assert to_merge(lengths.told()) == []
        living = sum(lives for _, lives in lengths.segments.values())
        stored = sum(has for has, _ in lengths.segments.values())
        assert stored <= living / (1 - WORN) + len(lengths.segments)
        total = stored * DOCUMENT_BYTES
        assert len(lengths.segments) <= 3 + 1.5 * math.log2(1 + total / SMALL_BYTES) + 2 * total / MERGE_BYTES
    assert lengths.most <= MERGE_BYTES
    small = SMALL_BYTES / DOCUMENT_BYTES
    assert lengths.written <= added * (2 + math.log2(1 + added / batch) + small / batch) + removals / WORN


def test_a_published_segment_is_never_merged():
    lengths = Lengths()
    lengths.pending = 10
    assert to_merge(lengths.told()) == []
