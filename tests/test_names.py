"""One name for one thing: verbs, engine methods and error codes in Rust, Python, JavaScript and the glossary.

Owns the ways to read names off each language. Must not run the other languages. Invariant: every list is read from the
sources, so that a name added on one side only is a failure.
"""

import inspect
import json
import re
from pathlib import Path

import pytest

from findling import engine, errors, wire
from findling.app import App
from findling.reference import ReferenceEngine

ROOT = Path(__file__).parent.parent
CODES = json.loads((ROOT / "tests/golden/codes.json").read_text(encoding="utf-8"))
GLOSSARY = (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8")
PROTOCOL = (ROOT / "web/protocol.js").read_text(encoding="utf-8")


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def strings_in(source, start, end):
    """The quoted strings between two marks of a source."""
    part = source[source.index(start) :]
    return re.findall(r'"([a-z_]+)"', part[: part.index(end)])


def rust_methods(path):
    """The public methods of `impl Engine`, in order, without the constructor."""
    source = text(path)
    block = source[re.search(r"^impl(?:<[^>]*>)? Engine \{|^impl Engine \{", source, re.MULTILINE).start() :]
    block = block[: block.index("\n}")]
    names = re.findall(r"^\s*(?:pub )?fn (\w+)", block, re.MULTILINE)
    private = set(re.findall(r"^\s*fn (\w+)", block, re.MULTILINE)) if re.search(r"^\s*pub fn", block, re.MULTILINE) else set()
    return [name for name in names if name not in {"new", "with_backend"} | private]


def section(title):
    """The names in the first column of the glossary's table under a title."""
    part = GLOSSARY.split(f"## {title}\n")[1].split("\n## ")[0]
    return [name for row in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]


def test_the_verbs_are_the_same_in_python_javascript_and_glossary():
    verbs = [*wire.VERBS, "cancel"]
    assert strings_in(PROTOCOL, "VERBS", ");") == verbs
    assert section("Verbs of the application") == verbs
    for verb in wire.VERBS:
        assert inspect.iscoroutinefunction(getattr(App, wire.method(verb)))


def test_the_arguments_of_a_verb_are_those_of_its_method():
    for verb in wire.VERBS:
        parameters = set(inspect.signature(getattr(App, wire.method(verb))).parameters) - {"self", "ticket"}
        assert parameters == set(wire._ARGUMENTS[verb])


def test_the_codes_are_the_same_in_python_rust_javascript_and_glossary():
    assert list(errors.CLASSES) == CODES
    frozen = PROTOCOL[PROTOCOL.index("CODES = ") :]
    assert re.findall(r"^  (\w+):", frozen[: frozen.index("});")], re.MULTILINE) == CODES
    rust = text("rust/core/src/error.rs")
    assert re.findall(r'Code::\w+ => "(\w+)"', rust) == CODES
    assert section("Error codes") == CODES


@pytest.mark.parametrize("cls", [ReferenceEngine, engine.BoundEngine, engine.Engine])
def test_the_python_engines_have_the_methods_of_the_contract_in_its_order(cls):
    methods = [name for name, value in vars(cls).items() if not name.startswith("_") and inspect.isfunction(value)]
    assert tuple(methods) == engine.METHODS


@pytest.mark.parametrize("path", ["rust/core/src/engine.rs", "rust/wasm/src/lib.rs", "rust/native/src/lib.rs"])
def test_the_rust_engines_have_the_methods_of_the_contract_in_its_order(path):
    assert tuple(rust_methods(path)) == engine.METHODS


def test_the_stub_of_the_native_module_has_the_methods_of_the_contract():
    stub = text("py/findling/_native.pyi")
    for name, methods in (("Engine", engine.METHODS), ("VectorIndex", engine.VECTOR_METHODS)):
        block = stub[stub.index(f"class {name}:") :].split("\n\n\n")[0].split("\nclass ")[0].split("\ndef ")[0]
        found = re.findall(r"^    def (\w+)\(self", block, re.MULTILINE)
        assert tuple(each for each in found if not each.startswith("__")) == methods
    assert set(re.findall(r"^def (\w+)", stub, re.MULTILINE)) >= {"pack", "inspect", "compute", "analyse"}


def test_the_methods_are_in_the_glossary():
    assert section("Methods of the engine") == [*engine.METHODS, "pack", "inspect", "compute", "analyse"]
    assert section("Methods of a vector index") == [*engine.VECTOR_METHODS, "load"]


def test_the_operations_on_vectors_are_in_the_glossary_and_the_guide():
    source = text("rust/core/src/math/request.rs")
    block = source[source.index("enum Op {") :]
    operations = [name.lower() for name in re.findall(r"^    (\w+),$", block[: block.index("\n}")], re.MULTILINE)]
    assert section("Operations on vectors") == operations
    assert re.findall(r'^\| `\{"op":"(\w+)"', text("docs/guide/vectors.md"), re.MULTILINE) == operations


@pytest.mark.parametrize("path", ["rust/wasm/src/lib.rs", "rust/native/src/lib.rs"])
def test_the_bindings_of_the_vector_index_have_its_methods_in_order(path):
    source = text(path)
    block = source[source.index("impl VectorIndex {") :]
    block = block[: block.index("\n}")]
    names = re.findall(r"^    (?:pub )?fn (\w+)", block, re.MULTILINE)
    assert names == ["new", "load", *engine.VECTOR_METHODS]


def test_the_glossary_defines_a_thing_once():
    part = GLOSSARY.split("## Things\n")[1].split("\n## ")[0]
    names = [name for row in re.findall(r"^\| ([^|]+?) \|", part, re.MULTILINE) for name in row.split(", ")]
    assert "Row" in names
    assert [name for name in names if names.count(name) > 1] == []


@pytest.mark.parametrize("title", re.findall(r"^## (.+)$", GLOSSARY, re.MULTILINE))
def test_no_table_of_the_glossary_has_a_name_twice(title):
    names = section(title)
    assert sorted(set(names)) == sorted(names)


def test_the_stages_are_the_same_in_javascript_golden_events_and_glossary():
    stages = strings_in(PROTOCOL, "STAGES", ");")
    golden = json.loads(text("tests/golden/wire/events.json"))["events"]
    assert [event["stage"] for event in golden if event["event"] == "stage"] == stages
    assert all(f"`{stage}`" in GLOSSARY for stage in stages)


def test_the_commands_are_in_the_glossary():
    commands = re.findall(r'command\("(\w+)"', text("py/findling/cli.py"))
    assert len(commands) == 8
    assert [name for name in commands if not re.search(rf"`(findling )?{name}\b", GLOSSARY)] == []
