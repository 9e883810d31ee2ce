"""Writes tokens.json and vocabulary.txt: texts with the ids that the PyPI package `tokenizers` gives for them.

Owns the sample of texts and nothing else; must not import findling, whose tokenizer it judges. Invariant: the same
tokenizer.json and the same version of `tokenizers` give the same files. Run it as

    .venv/bin/python tests/golden/make_tokens.py FOLDER

with the folder of a sentence-transformers BERT that holds tokenizer.json, here all-MiniLM-L6-v2.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer

HERE = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

SENTENCES = [
    "",
    " ",
    "Feeling sick with a fever, she stayed in bed.",
    "A vehicle that flies to the moon",
    "I can't stop yawning!!! (Really?) don't stop-me.now",
    "$5 €10 +3 ^a` ~b|c 1,234.56e-7 <html> a_b a/b c\\d",
    "Straße, Ærøskøbing, Łódź, İstanbul, ŒUVRE, ẞ, ǅ",
    "ΣΑΣ ὈΔΥΣΣΕΎΣ ἀλφάβητος",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Й й",
    "שָׁלוֹם עוֹלָם \u202eright to left\u202c",
    "السَّلَامُ عَلَيْكُمْ ۝ ٣٫١٤",
    "नमस्ते दुनिया क्षि ज़",
    "สวัสดีชาวโลก ก็ น้ำ",
    "한글 텍스트 각 가나다",
    "漢字かな交じり文、ガギグゲゴ が ㍿ ①",
    "中文没有空格。豈更車\U00020000\U0002a6d6\U0002b820\U0002b920\U0002f800",
    "👩‍👩‍👧‍👦 👍🏽 🇩🇪 ❤️ ☃︎ 🤒🤢🤮",
    "e\u0301\u0300 a\u0315\u0300\u05ae\u0300\u0316 \u0344 \u0301 q\u0323\u0307 q\u0307\u0323",
    "a\0b \ufffd a\ufffdb \x01\x1f\x7f a\u00adb\u200bc\u2060d\ufeff",
    "a\u302e\0\u302fb x\u0302\u302a\x00\u0301y",
    "tab\tline\nreturn\rvertical\x0bfeed\x0cgroup\x1cnext\x85nbsp\u00a0en\u2002ls\u2028ps\u2029wide\u3000end",
    "private \ue000 \U000f0000 \U0010fffd unassigned \u0378 \U000e0001 tag",
    "[CLS] x[CLS]y [CLS][SEP] [ CLS ] [[CLS]] [cls] [MASK]\u0301 a [PAD",
    "«quoted» ‘x’ “y” …—– ‹z› ¿qué? ¡no!",
    "ﬁ ﬂ ﬀ ½ ² ™ Å Å Ａ ａ １ ～ ｡",
    "##ing ing## # # ##",
    "unaffable antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "a" * 99,
    "b" * 100,
    "c" * 101,
    "é" * 100,
    "é" * 101,
    "x" * 99 + "\u0301" * 5,
    "https://example.org/path?query=1&b=%20#frag user@example.org C++ C# .NET",
]
REPEATED = ["a", "é", "\u0301", "漢", "[", "-", "\ue000", "👍", " ", "[CLS]", "word "]
MILLION = 1_000_000


def seeded_texts() -> list[str]:
    """Random texts over the blocks that decompose, combine or are punctuation, and over everything."""
    seeded = random.Random(3)
    low = [chr(code) for code in range(0x3100)]
    high = [chr(code) for code in (*range(0xA000, 0xD800), *range(0xF900, 0x1FB00))]
    marks = [
        chr(code) for code in (0, 0x41, 0xAD, 0xE9, 0x200D, *range(0x300, 0x370), *range(0x591, 0x5C8), *range(0x302A, 0x3030))
    ]
    pieces = ["[CLS]", "[SEP]", "[", "]", "a", "\u0301", " ", "Ab", "CLS"]
    return [
        "".join(seeded.choices(source, k=seeded.choice([1, 3, 8, 24])))
        for _ in range(100)
        for source in (low, low + high, marks, pieces)
    ]


def every_character(end: int) -> list[str]:
    """Each character between two letters."""
    return ["".join(f"a{chr(code)}B" for code in range(start, start + 16)) for start in range(0, end, 16)]


def group(
    tokenizer_json: Path, texts: list[tuple[str, int]], *, lowercase: bool, strip_accents: bool, max_tokens: int | None
) -> dict[str, Any]:
    """The ids of some texts under one setting."""
    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.normalizer = BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=strip_accents, lowercase=lowercase
    )
    if max_tokens:
        tokenizer.enable_truncation(max_tokens)
    config = {
        "lowercase": lowercase,
        "strip_accents": strip_accents,
        "handle_chinese_chars": True,
        "clean_text": True,
        "unknown": "[UNK]",
        "start": "[CLS]",
        "end": "[SEP]",
        "continuing_prefix": "##",
        "max_word_chars": 100,
        "special": SPECIAL,
    }
    cases = [{"text": text, "repeat": repeat, "ids": tokenizer.encode(text * repeat).ids} for text, repeat in texts]
    return {"config": config, "max_tokens": max_tokens, "cases": cases}


def main(folder: str) -> None:
    tokenizer_json = Path(folder) / "tokenizer.json"
    vocabulary = json.loads(tokenizer_json.read_text())["model"]["vocab"]
    in_order = sorted(vocabulary, key=vocabulary.__getitem__)
    (HERE / "vocabulary.txt").write_text("\n".join(in_order) + "\n", encoding="utf-8")

    sample = [(text, 1) for text in SENTENCES + seeded_texts()]
    long = [(text, MILLION) for text in REPEATED]
    one = [(text, MILLION) for text in ("a", "\u0301", "\ue000", " ")]
    long += [(text, 60) for text in SENTENCES]
    groups = [
        group(
            tokenizer_json,
            sample + [(text, 1) for text in every_character(0x2600)] + one,
            lowercase=True,
            strip_accents=True,
            max_tokens=None,
        ),
        group(tokenizer_json, long, lowercase=True, strip_accents=True, max_tokens=256),
        group(tokenizer_json, long, lowercase=True, strip_accents=True, max_tokens=128),
        group(tokenizer_json, sample, lowercase=False, strip_accents=False, max_tokens=None),
        group(tokenizer_json, sample[:200], lowercase=True, strip_accents=False, max_tokens=None),
        group(tokenizer_json, sample[:200], lowercase=False, strip_accents=True, max_tokens=None),
    ]
    lines = []
    for each in groups:
        cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in each.pop("cases"))
        lines.append(json.dumps(each)[:-1] + ', "cases": [\n' + cases + "\n]}")
    (HERE / "tokens.json").write_text('{"groups": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main(sys.argv[1])
