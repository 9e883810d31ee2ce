"""Which part of the engine takes how much of a WebAssembly module.

Owns reading functions and their names out of a module that still has them, and which name belongs to which part. Must not know
how modules are built. Invariant: each function counts once; what no part claims is `the rest`.
"""

import re
from collections import defaultdict
from pathlib import Path

# The first that is found in a function's name, as rustc mangles it: the length of each identifier stands before it.
PARTS = (
    ("stemmers", r"13rust_stemmers"),
    ("segmentation and folding", r"13findling_core8analysis(3cut|4fold|10characters)|13findling_core9tokenizer7unicode"),
    ("guess of a language", r"13findling_core8analysis5guess"),
    ("kernels and encoder", r"16findling_kernels|13findling_core(7encoder|8embedder|5model)"),
    ("tokenizer", r"13findling_core9tokenizer"),
    ("published collections", r"13findling_core(7segment|9published|5typos)"),
    ("indexes and search", r"13findling_core(5index|5words|7vectors|5facets|6finder)"),
    ("snippets", r"13findling_core7snippet"),
    ("piece table", r"13findling_core6pieces"),
    ("arithmetic", r"13findling_core4math"),
    ("requests and JSON", r"13findling_core(4plan|6engine)|10serde_json|10serde_core|5serde"),
    ("compression", r"11miniz_oxide"),
)


class Module:
    """Sections of a module, and where its bytes stand."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 8

    def number(self) -> int:
        """An unsigned LEB128."""
        value = shift = 0
        while True:
            byte = self.content[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, count: int) -> bytes:
        """So many bytes."""
        self.at += count
        return self.content[self.at - count : self.at]

    def imported(self) -> int:
        """How many functions an import section names."""
        functions = 0
        for _ in range(self.number()):
            self.take(self.number())
            self.take(self.number())
            kind = self.take(1)[0]
            functions += kind == 0
            if kind == 0:
                self.number()
            elif kind == 3:
                self.take(2)
            else:
                if kind == 1:
                    self.take(1)
                if self.number() & 1:
                    self.number()
                self.number()
        return functions

    def names(self, end: int) -> dict[int, str]:
        """The functions' names in a section of names."""
        found: dict[int, str] = {}
        while self.at < end:
            kind, size = self.take(1)[0], self.number()
            if kind == 1:
                for _ in range(self.number()):
                    number = self.number()
                    found[number] = self.take(self.number()).decode()
            else:
                self.take(size)
        return found


def parts(path: Path) -> dict[str, bytes]:
    """The bodies of each part's functions end to end, and the data of all parts together."""
    module = Module(path.read_bytes())
    imported, bodies, names = 0, [], {}
    found: dict[str, bytes] = defaultdict(bytes)
    while module.at < len(module.content):
        kind, size = module.take(1)[0], module.number()
        end = module.at + size
        if kind == 2:
            imported = module.imported()
        elif kind == 10:
            bodies = [module.take(module.number()) for _ in range(module.number())]
        elif kind == 11:
            found["tables and texts"] = module.take(size)
        elif kind == 0 and module.take(module.number()) == b"name":
            names = module.names(end)
        module.at = end
    for number, body in enumerate(bodies, imported):
        name = names.get(number, "")
        part = next((part for part, pattern in PARTS if re.search(pattern, name)), "the rest")
        found[part] += body
    return found
