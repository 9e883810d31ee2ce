"""Modules that a start in the browser names but does not use: each is loaded when something of it is first asked for.

Owns which modules these are and how they wait. The boot archive holds this file as `sitecustomize`, which Python imports
before all else; nothing of this package imports it. Must not know what the modules do. Invariant: whoever uses a module
finds it as if it had been loaded where it was imported; only `from module import name` does not wait.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LATER = frozenset({"_colorize", "bz2", "compression.zstd", "findling.passages", "findling.readers", "lzma"})

_ASKED_BY_IMPORTS = frozenset({"__class__", "__loader__", "__name__", "__path__", "__spec__"})
"""What the machinery of imports looks at; it must not count as use."""


class Later(ModuleType):
    """A module that is not loaded yet."""

    def __getattribute__(self, name: str) -> Any:
        look = super().__getattribute__
        if name in _ASKED_BY_IMPORTS:
            return look(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        try:
            look("__spec__").loader.exec_module(self)
        except BaseException:
            self.__class__ = Later
            raise
        return getattr(self, name)


class _Loader:
    """Stands in for a module's loader until the import is over."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        module.__class__ = Later


class _Finder:
    """Comes before the finders that load at once."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


def install() -> None:
    """Let the modules of `LATER` that are imported from now on wait."""
    sys.meta_path.insert(0, _Finder)


if __name__ == "sitecustomize":
    install()
