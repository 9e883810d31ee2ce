"""Writes vectors.json: 500 texts and the SHA-256 over their vectors, by the native engine.

Owns the choice of texts: short ones, so that the slowest tier gets through them, over as much of the vocabulary and as
many kinds of character as they hold. Must not be run to make a test pass. Invariant: the same seed, the same texts.

    make_vectors.py MODEL.findling
"""

import hashlib
import json
import random
import sys
from pathlib import Path

from findling.engine import encode, load

HERE = Path(__file__).parent
COUNT = 500
LONGEST = 60


def texts() -> list[str]:
    """The beginnings of the package descriptions, the odd texts of the tokenizer, and seeded words."""
    described = [" ".join(text.split()[:8]) for text in json.loads((HERE / "minilm_fp32.texts.json").read_text("utf-8"))]
    groups = json.loads((HERE / "tokens.json").read_text("utf-8"))["groups"]
    odd = [case["text"] for group in groups for case in group["cases"] if case["repeat"] == 1]
    odd = [text for text in dict.fromkeys(odd) if len(text) <= LONGEST and text.isprintable()]
    vocabulary = (HERE / "vocabulary.txt").read_text("utf-8").split("\n")
    words = [word for word in vocabulary if word and not word.startswith("[")]
    seeded = random.Random(500)
    found = list(dict.fromkeys([*described[:80], *odd[:80]]))
    while len(found) < COUNT:
        found.append(" ".join(seeded.choice(words) for _ in range(seeded.randint(1, 3))))
    return found


def main() -> None:
    """Command line."""
    engine = load()
    model = json.loads(engine.load_model(Path(sys.argv[1]).read_bytes()))
    chosen = texts()
    vectors = engine.embed(encode({"texts": chosen, "kind": "passage"}))
    golden = {"space": model["space"], "model": model["digest"], "sha256": hashlib.sha256(vectors).hexdigest(), "texts": chosen}
    (HERE / "vectors.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
