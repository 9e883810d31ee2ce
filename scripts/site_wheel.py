"""The build backend of this project: maturin's wheel, with the built site inside, but for the dictionary of its demonstration.

Owns what is added to a wheel, and its record of it. Must not know what else the site is made of. Invariant: whatever maturin packs is
packed as it is; the same wheel and the same site give the same bytes; a name with a digest has one content, in the site and the wheel.

Hooks as in PEP 517; the record of a wheel as in PEP 427.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
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

SITE = Path(__file__).resolve().parent.parent / "dist"
PLACE = "findling/site"
WHEN = (1980, 1, 1, 0, 0, 0)
# Half of the site, which nobody needs who installs it to search collections of his own; a wheel on PyPI has at most 100 MB.
LEFT_OUT = "files/dictionary-"
SHELL = re.compile(r"(v-[0-9a-f]+)/build\.js")
# These are compressed already, or no smaller compressed.
STORED = {".findling", ".zip", ".whl", ".png", ".webp"}


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """The wheel of maturin with dist/ in it; says so where there is none."""
    name: str = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    if (SITE / "index.html").is_file():
        add(Path(wheel_directory, name), SITE)
    else:
        print("dist/ has no built site, so the wheel has no page and no model: run ./build.sh build first", file=sys.stderr)
    return name


def packed(site: Path) -> dict[str, bytes]:
    """What is packed of a site, by name: all of it but the dictionary, which its shell, under another name, then does not offer."""
    names = {path.relative_to(site).as_posix(): path for path in sorted(site.rglob("*")) if path.is_file()}
    kept = {name: path.read_bytes() for name, path in names.items() if not name.startswith(LEFT_OUT)}
    shells = [found[1] for name in kept if (found := SHELL.fullmatch(name))]
    if len(kept) == len(names) or len(shells) != 1:
        return kept
    (old,) = shells
    told, count = re.subn(rb'"dictionary": \{[^{}]*\}', b'"dictionary": null', kept[f"{old}/build.js"])
    if count != 1:
        raise SystemExit(f"{old}/build.js names the dictionary {count} times, so it cannot be left out of the wheel")
    kept[f"{old}/build.js"] = told
    new = f"v-{hashlib.sha256(old.encode() + told).hexdigest()[: len(old) - 2]}"
    # Only the page and the element's module name the folder.
    renamed = {re.sub(rf"^{old}/", f"{new}/", name): data for name, data in kept.items()}
    return {name: data if "/" in name else data.replace(old.encode(), new.encode()) for name, data in sorted(renamed.items())}


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
        for path, data in packed(site).items():
            name = f"{PLACE}/{path}"
            added = zipfile.ZipInfo(name, WHEN)
            added.external_attr = 0o644 << 16
            added.compress_type = zipfile.ZIP_STORED if Path(path).suffix in STORED else zipfile.ZIP_DEFLATED
            new.writestr(added, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}\n")
        new.writestr(record, old.read(record) + "".join(lines).encode())
    os.replace(fresh, wheel)
