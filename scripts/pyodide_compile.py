"""Runs inside Pyodide: compiles Python sources to .pyc and names what a boot needs.

Owns the .pyc header and the rule for what counts as needed; knows nothing of zips, Node or browsers.
Invariant: the same sources give the same bytes (fixed hash seed, unchecked-hash .pyc, no times, no machine paths).
"""

import ast
import importlib
import importlib.util
import marshal
import sys
import zipfile

# PEP 552: flag word 1 = hash-based and never checked against the source.
UNCHECKED_HASH = (1).to_bytes(4, "little")
STDLIB = "/lib/python314.zip"


def compile_source(source: bytes, name: str) -> bytes:
    """The unchecked-hash .pyc of one module; `name` is its path inside the archive."""
    code = compile(source, f"{STDLIB}/{name}", "exec", dont_inherit=True, optimize=0)
    # Written from a fresh copy, so that reference flags do not depend on what else this process holds.
    body = marshal.dumps(marshal.loads(marshal.dumps(code)))
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + body


def compile_stdlib() -> dict[str, bytes]:
    """Every module of the stock standard library archive, compiled; data files unchanged."""
    files = {}
    with zipfile.ZipFile(STDLIB) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py"):
                files[name + "c"] = compile_source(archive.read(name), name)
            elif not name.endswith("/"):
                files[name] = archive.read(name)
    return files


class _Imports(ast.NodeVisitor):
    """Absolute names of all that a module imports anywhere at run time, inside functions too."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.names: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.names.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parents = self.package.split(".")
            parents = parents[: len(parents) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        self.names.add(base)
        self.names.update(f"{base}.{alias.name}" for alias in node.names)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)


def closure(sources: dict[str, bytes], roots: list[str]) -> tuple[list[str], list[str]]:
    """Paths of the application modules that `roots` reach, and the names of all other modules they import.

    `sources` maps archive paths (`findling/app.py`) to text. Importing a module runs its packages first, so they count.
    """
    paths = {}
    for path in sources:
        name = path.removesuffix(".py").replace("/", ".")
        paths[name.removesuffix(".__init__")] = path
    todo, seen, foreign = list(roots), set(), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in paths:
            # Either another library's module, or an attribute imported from a module of the application.
            if name.split(".")[0] not in {root.split(".")[0] for root in roots}:
                foreign.add(name)
            continue
        todo.append(name.rpartition(".")[0]) if "." in name else None
        path = paths[name]
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        visitor = _Imports(package)
        visitor.visit(ast.parse(sources[path]))
        todo.extend(visitor.names)
    return sorted(paths[name] for name in seen if name in paths), sorted(foreign)


def loaded(extra: list[str]) -> list[str]:
    """Archive paths of the standard library modules that are loaded once `extra` has been imported.

    Modules frozen into the interpreter are not read from the archive at a start, so they do not count.
    """
    for name in extra:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            # `from module import name` lists names that are not modules, and modules that other hosts have.
            continue
    paths = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        spec = getattr(module, "__spec__", None)
        if path.startswith(STDLIB + "/") and spec is not None and spec.origin != "frozen":
            paths.add(path.removeprefix(STDLIB + "/"))
    return sorted(paths)
