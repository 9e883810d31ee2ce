"""Findling: search by meaning that runs where the text is.

Owns the version and the names for Python programs: `findling.open(path)` gives an `OpenCollection`. Each name is loaded when it
is first used, so that a browser, which takes the modules by their names (`from findling.app import App`), loads none that it
does not need. Invariant: importing the package does no work.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from findling.collection import Found
    from findling.documents import Document, Hit, Place
    from findling.errors import FindlingError
    from findling.opened import OpenCollection, open

__version__ = "0.1.0"
__all__ = ["Document", "FindlingError", "Found", "Hit", "OpenCollection", "Place", "__version__", "open"]

_HOMES = {
    "Document": "documents",
    "FindlingError": "errors",
    "Found": "collection",
    "Hit": "documents",
    "OpenCollection": "opened",
    "Place": "documents",
    "open": "opened",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'findling' has no attribute {name!r}")
    return getattr(import_module(f"findling.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
