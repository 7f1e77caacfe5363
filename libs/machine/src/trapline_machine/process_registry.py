"""Which process of this machine each invocation was given to, in files: they outlive a command that is killed."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from trapline_machine.process_identity import is_dead

HALF_WRITTEN = 60.0
"""Seconds. A file is written in far less; a half-written one that is older was left behind by a killed command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One small file per invocation under way: its process, or the command in whose queue it waits."""

    folder: Path
    """The folder of these files."""

    def note(self, invocation_id: UUID, *, process_name: str, request_id: str) -> None:
        """Write down, or replace, which process has the invocation. ``request_id`` is that of its one delivery."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{invocation_id}"
        beside.write_text(json.dumps({"place": process_name, "request_id": request_id}))
        beside.replace(self.folder / str(invocation_id))

    def forget(self, invocation_id: UUID) -> None:
        """Remove the file of an invocation whose process has ended, once the ledger has it."""
        (self.folder / str(invocation_id)).unlink(missing_ok=True)

    def dead(self, invocation_id: UUID) -> str | None:
        """Return the request id of an invocation whose process has ended; ``None`` when it runs, or is not ours."""
        try:
            text = (self.folder / str(invocation_id)).read_text(errors="replace")
        except FileNotFoundError:
            return None
        try:
            found = json.loads(text)
            process_name, request_id = str(found["place"]), str(found["request_id"])
        except (ValueError, KeyError, TypeError):
            return ""  # spoilt by a loss of power, which its process did not outlive
        return request_id if is_dead(process_name) else None

    def sweep(self, active: set[UUID]) -> None:
        """Remove the files of invocations that are no longer ``active`` and whose process has ended."""
        if not self.folder.is_dir():
            return
        for file in self.folder.iterdir():
            try:
                invocation_id = UUID(file.name.removeprefix("."))
            except ValueError:
                continue  # not ours: an editor's, or a file manager's
            half_written = file.name.startswith(".")
            if invocation_id not in active and (
                _is_old(file) if half_written else self.dead(invocation_id) is not None
            ):
                file.unlink(missing_ok=True)


def _is_old(file: Path) -> bool:
    """Return whether a half-written file was left behind; a younger one may be a living command's."""
    try:
        return time.time() - file.stat().st_mtime > HALF_WRITTEN
    except FileNotFoundError:
        return False
