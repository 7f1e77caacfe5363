"""A digest of source files: what was built from the same files need not be built again."""

import hashlib
from pathlib import Path

from tools.shell import ROOT


def source_digest(*names: str, build: str) -> str:
    """Return a SHA-256 over files, by name and bytes, and ``build``: what else decides.

    ``names``: files and folders, relative to the workspace; of a folder every file that ``is_source``.
    """
    inside = {str(file.relative_to(ROOT)) for name in names for file in (ROOT / name).rglob("*") if is_source(file)}
    total = hashlib.sha256(build.encode())
    for file in sorted(inside | {name for name in names if not (ROOT / name).is_dir()}):
        total.update(file.encode() + b"\0" + (ROOT / file).read_bytes() + b"\0")
    return total.hexdigest()


def is_source(file: Path) -> bool:
    """Return whether a file of a package decides what is in its wheel."""
    return file.is_file() and file.suffix != ".pyc"
