"""Building again when the sources change.

Owns the comparing of what lies there with what was built. Must not know how it is built, or how long to wait. Invariant: what
changes while a build runs is seen afterwards; files that are still being written are left until they rest.
"""

from collections.abc import Callable
from pathlib import Path

from findling.errors import FindlingError
from findling.sources import Sources

State = dict[str, tuple[int, int, int]]


def state(named: list[Path], out: Path) -> State:
    """Length in bytes, time of change and number of each file that a build of these sources would read; none where they cannot be listed."""
    try:
        return Sources(named, out).state()
    except (FindlingError, OSError):
        return {}


def watch(named: list[Path], out: Path, build: Callable[[], None], wait: Callable[[], None]) -> None:
    """Build, then again each time that the files changed and then stayed as they were for one `wait`; ends with what `wait` raises."""
    built = state(named, out)
    build()
    last = built
    while True:
        wait()
        now = state(named, out)
        if now == last != built:
            built = now
            build()
        last = now
