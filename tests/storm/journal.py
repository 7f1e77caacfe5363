"""What the struck processes saw with their own eyes, kept beside the ledger: one line of JSON per event, in a file."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Appends lines; each is one ``write``, so that lines of many processes, and of killed ones, stay whole."""

    __slots__ = ("_descriptor",)

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        os.write(self._descriptor, json.dumps({"event": event, **facts}, default=str).encode() + b"\n")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Return the events in the order they were written."""
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)
