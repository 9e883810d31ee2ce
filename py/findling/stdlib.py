"""The second part of the standard library, in the browser.

Owns how the archive with the modules that a start does not need joins `sys.path`; knows nothing of how it got there.
Invariant: after `mount`, every module of the standard library can be imported, submodules of loaded packages too.
"""

import encodings
import sys


def mount(path: str) -> None:
    """Make the modules in the zip archive at `path` importable. Mounting the same archive again changes nothing.

    The archive goes in front of the one Python started from, because it holds the packages that are split between the
    two in full; a package that is loaded already keeps its modules and looks for all others in the archive first.
    """
    if path in sys.path:
        return
    start = next(index for index, entry in enumerate(sys.path) if entry.endswith(".zip"))
    prefix = sys.path[start] + "/"
    sys.path.insert(start, path)
    # What was not found before may be now.
    known: dict[str, object] = vars(encodings)["_cache"]
    for name in [name for name, found in known.items() if found is None]:
        del known[name]
    for module in list(sys.modules.values()):
        places = getattr(module, "__path__", None)
        if isinstance(places, list):
            places[:0] = [f"{path}/{place.removeprefix(prefix)}" for place in places if place.startswith(prefix)]
