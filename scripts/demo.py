"""Builds the demonstration collection: every emoji of npm emojibase-data, as one index file.

Owns the choice of emoji and of the words that are embedded: the English label and the CLDR tags. Must not read
crowd keywords (those of emojilib are the queries of the benchmark). Invariant: the same packages, model and engine give
the same bytes.

    python scripts/demo.py --model MODEL --node-modules DIR -o OUT
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from findling.collection import Collection
from findling.documents import Document
from findling.engine import load
from findling.store import FolderStore, MemoryStore

LANGUAGES = ("de", "es", "fr", "hi", "ja", "ko", "pt", "ru", "zh")
"""Labels in these languages stay in the record and are shown, not embedded: the model reads English."""
COMPONENTS = 2
"""The group of skin tones and hair styles: parts of other emoji, nobody sends one by itself."""


def documents(package: Path) -> list[Document]:
    """A document for each emoji, in the order of Unicode's chart.

    Regional indicators, which belong to no group, are letters that make flags and are left out. Skin tones are
    variants of one emoji: they stay with it, as glyphs, so that a query does not find the same hand six times.
    """
    emoji = [each for each in _json(package / "en/data.json") if each.get("group", COMPONENTS) != COMPONENTS]
    groups = _json(package / "meta/groups.json")
    messages = {group["key"]: group["message"] for group in _json(package / "en/messages.json")["groups"]}
    labels = {
        language: {each["hexcode"]: each["label"] for each in _json(package / language / "data.json")} for language in LANGUAGES
    }
    return [
        Document(
            id=f"emoji:{each['hexcode']}",
            title=each["label"],
            text=", ".join(each.get("tags", ())),
            kind=messages[groups["groups"][str(each["group"])]],
            meta={
                "emoji": each["emoji"],
                "subgroup": groups["subgroups"][str(each["subgroup"])].replace("-", " "),
                "titles": {language: known[each["hexcode"]] for language, known in labels.items() if each["hexcode"] in known},
                **({"skins": [skin["emoji"] for skin in each["skins"]]} if "skins" in each else {}),
            },
        )
        for each in sorted(emoji, key=lambda each: each["order"])
    ]


async def build(model: Path, package: Path, out: Path) -> dict[str, Any]:
    """Embed the emoji and write the index; answers its state."""
    engine = load()
    engine.load_model(model.read_bytes())
    version = _json(package / "package.json")["version"]
    meta = {
        "title": "Emoji",
        "source": f"npm emojibase-data {version} (labels and tags of Unicode CLDR)",
        "licence": "MIT; data Unicode-3.0",
    }
    collection = Collection("emoji", engine, MemoryStore(), meta=meta)
    await collection.open()
    outcome = await collection.add(documents(package), pause=lambda: asyncio.sleep(0), progress=_show)
    if outcome["failed"]:
        document, error = outcome["failed"][0]
        raise error.__class__(f"{document.id}: {error.message}")
    await FolderStore(out.parent).write(out.name, await collection.save(calibrate=True))
    return collection.state()


def _show(done: int, _last: Document) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} emoji", end="", file=sys.stderr, flush=True)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the demonstration collection.")
    parser.add_argument("--model", type=Path, required=True, help="the model file")
    parser.add_argument("--node-modules", type=Path, required=True, help="the folder npm installed emojibase-data into")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the index file to write")
    arguments = parser.parse_args()
    state = asyncio.run(build(arguments.model, arguments.node_modules / "emojibase-data", arguments.output))
    print(f"{arguments.output}: {state['documents']} emoji, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
