"""How a Chromium is started, by tests and benchmarks alike.

Owns its flags and where it lies. Must not know what it is started for. Invariant: with these flags it asks no other server
than the one it is sent to.
"""

import os
import shutil

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str | None:
    """The Chromium that is installed; None for the one that `playwright install` brought."""
    return os.environ.get("FINDLING_CHROMIUM") or shutil.which("chromium")
