"""Files made to hurt: endless nesting, endless lines, quotes that never close, bytes that are no text.

Owns the inputs. Must not know how a reader works. Invariant under test: each ends as documents or as a coded error, in
time that grows with its length and not with its square, and never costs another file.
"""

import pytest

from findling import readers
from findling.documents import MAX_TEXT_CHARS
from findling.errors import FindlingError

HOSTILE = {
    "brackets.md": "[" * 200_000,
    "links.md": "[a](" * 50_000,
    "comments.md": "<!--" * 50_000,
    "tags.md": "<a" * 100_000,
    "stars.md": "*_" * 100_000,
    "backslashes.md": "\\" * 200_000,
    "quotes.md": "> " * 500_000 + "x",
    "pipes.md": "|" * 200_000,
    "fence.md": "```\n" * 50_000,
    "rule.md": "- " * 100_000 + "x",
    "hashes.md": "#" * 200_000,
    "oneline.txt": "x" * 1_000_000,
    "han.txt": "海" * 200_000,
    "quotes.csv": '"' * 200_001,
    "commas.csv": "," * 100_000,
    "quote.json": '["' + "\\" * 200_001,
    "escapes.json": "[" * 65 + '"' + '\\"' * 500_000,
    "strings.json": '"' * 200_000,
    "newlines.jsonl": "\n" * 200_000 + "{",
    "rtl.txt": "\u202e\u2066 abc \u200f" * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_ends_as_documents_or_as_an_error_of_ours(name):
    try:
        reading = readers.read(name, HOSTILE[name].encode())
    except FindlingError as error:
        assert error.code == "bad_input"
        assert error.message
    else:
        assert all(len(document.text) <= MAX_TEXT_CHARS for document in reading.documents)


BYTES = {
    "nul.txt": b"text\x00text",
    "random.txt": bytes(range(256)) * 100,
    "half a mark.txt": b"\xff\xfe\x00",
    "odd utf-16.txt": b"\xff\xfea",
    "surrogates.txt": b"\xff\xfe\x00\xd8\x00\xd8",
    "overlong.txt": b"\xc0\xaf\xe0\x80\xaf" * 100,
    "beyond unicode.json": b'["\xf7\xbf\xbf\xbf"]',
    "zip.csv": b"PK\x03\x04\x14\x00\x00\x00",
    "utf-32.md": b"\xff\xfe\x00\x00\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BYTES)
def test_hostile_bytes_end_as_documents_or_as_an_error_of_ours(name):
    try:
        reading = readers.read(name, BYTES[name])
    except FindlingError as error:
        assert error.code == "bad_input"
    else:
        for document in reading.documents:
            document.text.encode()


def test_hostile_files_cost_no_other_file(only_the_good_one_is_found):
    files = [{"name": name, "bytes": text[:20_000].encode()} for name, text in HOSTILE.items()]
    files += [{"name": name, "bytes": data} for name, data in BYTES.items()]
    files.insert(len(files) // 2, {"name": "good.txt", "bytes": b"a lighthouse keeper sings"})
    only_the_good_one_is_found(files, "good.txt")
