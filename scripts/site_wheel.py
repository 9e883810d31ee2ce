"""The build backend of this project: maturin's wheel, with the built site inside, but for the dictionary of its demonstration.

Owns what is added to a wheel, and its record of it. Must not know what else the site is made of. Invariant: whatever maturin packs is
packed as it is; the same wheel and the same site give the same bytes.

Hooks as in PEP 517; the record of a wheel as in PEP 427.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maturin
from maturin import (  # noqa: F401 - hooks that are passed on as they are
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

import assemble

PLACE = "findling/site"
WHEN = (1980, 1, 1, 0, 0, 0)
# These are compressed already, or no smaller compressed.
STORED = {".findling", ".zip", ".whl", ".png", ".webp"}


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """The wheel of maturin with the site in it; says so where none was built.

    The dictionary is left out: nobody needs it who installs this to search collections of his own, and a wheel on PyPI has at most 100 MB.
    """
    name: str = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    if (assemble.DIST / "index.html").is_file():
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder, "site")
            assemble.make(site, dictionary=False)
            add(Path(wheel_directory, name), site)
    else:
        print("dist/ has no built site, so the wheel has no page and no model: run ./build.sh build first", file=sys.stderr)
    return name


def add(wheel: Path, site: Path) -> None:
    """Put the files of a folder into a wheel, below `PLACE`."""
    fresh = wheel.with_name(f".{wheel.name}.{os.getpid()}.tmp")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as new:
        entries = old.infolist()
        (record,) = [entry for entry in entries if entry.filename.endswith(".dist-info/RECORD")]
        for entry in entries:
            if entry is not record:
                new.writestr(entry, old.read(entry))
        lines = []
        for path in sorted(path for path in site.rglob("*") if path.is_file()):
            data = path.read_bytes()
            name = f"{PLACE}/{path.relative_to(site).as_posix()}"
            added = zipfile.ZipInfo(name, WHEN)
            added.external_attr = 0o644 << 16
            added.compress_type = zipfile.ZIP_STORED if path.suffix in STORED else zipfile.ZIP_DEFLATED
            new.writestr(added, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}\n")
        new.writestr(record, old.read(record) + "".join(lines).encode())
    os.replace(fresh, wheel)
