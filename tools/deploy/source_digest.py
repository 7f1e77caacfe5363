"""A digest of source files: what was built from the same files need not be built again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def source_digest(root: Path, files: Iterable[str], *, build: str) -> str:
    """Return a SHA-256 over the names and bytes of ``files`` below ``root``, and ``build``: what else decides."""
    total = hashlib.sha256(build.encode())
    for file in sorted(files):
        total.update(file.encode() + b"\0" + (root / file).read_bytes() + b"\0")
    return total.hexdigest()


def is_source(file: Path) -> bool:
    """Return whether a file of a package decides what is in its wheel."""
    return file.is_file() and file.suffix != ".pyc"
