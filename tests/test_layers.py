"""The rules of docs/ARCHITECTURE.md that can be read off the sources: who may name what, who may import whom.

Owns the lists of exceptions. Must not run the program. Invariant: a list names no file that does not exist.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from findling.readers.formats import TABLE

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "py/findling"
OURS = ("*.js", "*.sh", "*.html", "web/**/*", "py/**/*", "rust/**/*", "scripts/**/*", "tests/**/*", "bench/**/*")
SOURCE = {".py", ".pyi", ".rs", ".js", ".mjs", ".ts", ".sh", ".css", ".html"}
BUILT = {"node_modules", "target", "pkg", "dist", "__pycache__"}
MAX_LINES = 600
MAX_HEADER_LINES = 8

# Each foreign thing, where to look for it, and the only places that may name it: files, or folders ending in a slash.
ONLY = [
    (r"\bnew Worker\(", "web/ worker.js sw.js", "web/client.js"),
    (r"\bloadPyodide\b", "web/ worker.js sw.js", "worker.js"),
    (r"\b(hardwareConcurrency|deviceMemory)\b", "web/ worker.js sw.js", "web/pool.js"),
    (r"\blocks\.(request|query)\(", "web/ worker.js sw.js", "web/lock.js"),
    (r"\b(indexedDB|localStorage|sessionStorage)\b|\bnavigator\??\.storage\b", "web/ worker.js sw.js index.html", "web/storage.js web/storage-files.js web/storage-database.js web/storage-handles.js web/storage-room.js"),
    (r"\bcaches\.(open|match|delete|keys)\b", "web/ worker.js", "web/store.js"),
    (r"\bcustomElements\.define\(", "web/ worker.js sw.js", "web/define.js"),
    (r"^\s*(from|import) (js|pyodide)\b", "py/", "py/findling/browser.py"),
    (r"(from|import) [\w., ]*\b_native\b|[\"']findling\._native[\"']", "py/", "py/findling/engine.py"),
    (r"\bimport pypdf\b", "py/", "py/findling/readers/pdf.py"),
    (r"^\s*(from|import) typer\b", "py/", "py/findling/cli.py"),
    (r"^\s*(from|import) rich\b", "py/", "py/findling/terminal.py"),
    (r"^\s*(from|import) (pytest|playwright)\b", "py/", "py/findling/testing.py"),
    (r"\bimport mutagen\b", "py/", "py/findling/readers/media.py"),
    (r"\bwasm_bindgen\b", "rust/core/ rust/native/ rust/wasm/src/", "rust/wasm/src/"),
    (r"\bpyo3\b", "rust/core/src/ rust/wasm/ rust/native/src/", "rust/native/src/"),
    (r"\brayon\b", "rust/core/src/ rust/kernels/ rust/native/src/ rust/wasm/src/", "rust/core/src/embedder.rs rust/core/src/math/ridge.rs rust/core/src/vectors/link.rs"),
    (r"\bunsafe\b(?!_)", "rust/core/src/ rust/kernels/ rust/native/src/ rust/wasm/src/", "rust/kernels/src/"),
    (r"\bstd::(fs|net|time|thread|env|process|io)\b", "rust/core/src/ rust/kernels/", ""),
]

# Python modules and packages, lowest first: each imports only what stands before it.
ORDER = [
    "errors",
    "documents",
    "passages",
    "readers",
    "query",
    "engine",
    "vectors",
    "words",
    "marks",
    "facets",
    "reference_segments",
    "reference_impacts",
    "reference",
    "store",
    "remote",
    "segments",
    "commits",
    "keeping",
    "slices",
    "collection",
    "wire",
    "intake",
    "bundle",
    "app",
    "browser",
    "stdlib",
    "later",
    "conversion",
    "model",
    "pieces",
    "published",
    "serve",
    "sources",
    "remembered",
    "building",
    "watching",
    "cache",
    "installed",
    "opened",
    "testing",
    "config",
    "doctor",
    "runs",
    "terminal",
    "cli",
    "__main__",
]

# What the browser's modules may import beside each other: all of it is loaded by Pyodide anyway, or is small.
LIGHT = set("asyncio bisect codecs collections contextlib csv dataclasses encodings html importlib io itertools js json math os pathlib pyodide re sys tempfile time types typing".split())
# What its readers may import besides, when their first file arrives.
READERS = set("datetime email logging mailbox struct urllib xml zipfile zlib".split())


def sources():
    paths = {path for pattern in OURS for path in ROOT.glob(pattern) if path.suffix in SOURCE and path.is_file()}
    # An empty file is a package's `__init__`, it has nothing to say.
    return sorted(path for path in paths if not BUILT & set(path.relative_to(ROOT).parts) and path.stat().st_size)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


SOURCES = sources()


def below(name, places):
    return any(name == place or (place.endswith("/") and name.startswith(place)) for place in places.split())


def without_comments(path):
    """The lines of a source that are code: prose may name what code may not."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = re.compile(r"^\s*(//|#(?!\[)|\*|/\*|<!--)")
    return "\n".join(line for line in lines if not comment.match(line))


@pytest.mark.parametrize(("pattern", "scope", "only"), ONLY, ids=[row[0] for row in ONLY])
def test_a_foreign_thing_is_named_only_where_it_belongs(pattern, scope, only):
    found = {name_of(path) for path in SOURCES if below(name_of(path), scope) and re.search(pattern, without_comments(path), re.MULTILINE)}
    assert not {name for name in found if not below(name, only)}


def test_the_places_of_the_rules_exist():
    missing = {place for _, scope, only in ONLY for place in f"{scope} {only}".split() if not (ROOT / place).exists()}
    assert not missing


def imports(path):
    """Names of the modules that a Python file imports, those of this package as `findling.x`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            names |= {f"{node.module}.{alias.name}" if node.module == "findling" else str(node.module) for alias in node.names}
    return names


def rank_of(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return ORDER.index(part)


MODULES = [path for path in SOURCES if PACKAGE in path.parents and path.suffix == ".py" and path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_python_imports_point_down(path):
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("findling.")} - {"__version__", "_native"}
    above = {name for name in ours if ORDER.index(name) > rank_of(path)}
    assert not above


def reachable(module):
    """The files of the modules that importing `module` may load, now or later."""
    paths = {path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path for path in MODULES}
    todo, seen = [module], {}
    while todo:
        name = todo.pop()
        if name in paths and name not in seen:
            seen[name] = paths[name]
            todo += [*imports(paths[name]), name.rpartition(".")[0]]
    return seen


def test_what_the_browser_loads_is_light():
    loaded = reachable("findling.browser")
    assert {"findling.app", "findling.wire", "findling.collection"} <= set(loaded)
    foreign = {name.split(".")[0] for path in loaded.values() for name in imports(path)} - {"findling"}
    assert not foreign - LIGHT


def test_a_reader_stands_on_the_standard_library_and_the_package_that_its_format_names():
    packages = {format.module: {format.package} for format in TABLE if format.package}
    for path in (PACKAGE / "readers").glob("*.py"):
        foreign = {name.split(".")[0] for name in imports(path)} - {"findling"} - LIGHT - READERS
        assert foreign <= packages.get(path.stem, set()), path.name


def test_the_core_depends_on_no_binding():
    lock = tomllib.loads((ROOT / "rust/Cargo.lock").read_text(encoding="utf-8"))
    needs = {package["name"]: {need.split()[0] for need in package.get("dependencies", ())} for package in lock["package"]}
    # The lock lists what the core's tests need beside what the core needs; the manifest tells them apart.
    manifest = tomllib.loads((ROOT / "rust/core/Cargo.toml").read_text(encoding="utf-8"))
    todo, seen = list(manifest["dependencies"]), set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += needs[name]
    assert len(seen) > 3
    assert not {name for name in seen if re.match(r"wasm-bindgen|js-sys|web-sys|pyo3|rand$|getrandom", name)}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_source_opens_with_what_it_owns_and_is_not_too_long(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_LINES
    header = header_of(path, lines)
    # What a test owns and must not know is often told by its first sentence.
    least = 1 if "tests" in path.parts or path.stem == "tests" else 2
    assert least <= len(header) <= MAX_HEADER_LINES, "\n".join([f"the header has not {least} to {MAX_HEADER_LINES} lines:", *header])


def header_of(path, lines):
    """The lines of the comment or docstring a file opens with."""
    if path.suffix in {".py", ".pyi"}:
        docstring = ast.get_docstring(ast.parse("\n".join(lines))) or ""
        return [line for line in docstring.splitlines() if line.strip()]
    opening = {".rs": r"//!", ".css": r"/?\*", ".html": r"<!--|\s", ".sh": "#"}.get(path.suffix, r"//|/?\*")
    passed = r"#!|// @ts-check|<!doctype"
    rest = [line for line in lines if not re.match(passed, line, re.IGNORECASE)]
    header = []
    for line in rest:
        if path.suffix == ".html" and header and "-->" in header[-1]:
            break
        if not re.match(opening, line) and not (path.suffix in {".css", ".html"} and header and not re.search(r"\*/|-->", header[-1])):
            break
        header.append(line)
        if path.suffix == ".css" and "*/" in line:
            break
    return [line for line in header if re.search(r"\w", line)]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_source_names_no_path_of_one_machine(path):
    assert not re.search(r"(?<![\w.:/-])/(home|root|work|Users)/\w", path.read_text(encoding="utf-8"))


def test_no_file_is_named_after_nothing():
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "handler", "misc", "types"}
    assert not {name_of(path) for path in SOURCES if path.name.split(".")[0] in vague}


def test_paths_named_in_the_docs_exist():
    documents = [path for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")] if "decisions" not in path.parts]
    assert documents
    missing = set()
    for document in documents:
        for name in re.findall(r"`((?:web|py|rust|tests|scripts|docs|bench)/[\w./-]+|worker\.js|index\.html|build\.sh|sw\.js)`", document.read_text(encoding="utf-8")):
            if not (ROOT / name).exists():
                missing.add(f"{name_of(document)}: {name}")
    assert not missing
