"""Which process of this machine each invocation was given to, in files: they outlive a command that is killed."""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from trapline_machine.process_identity import is_dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One small file per invocation under way in ``folder``: its process, or the command in whose queue it waits."""

    folder: Path

    def note(self, invocation_id: UUID, *, place: str, request_id: str) -> None:
        """Write down, or replace, who has the invocation. ``request_id`` is that of its one delivery."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{invocation_id}"
        beside.write_text(json.dumps({"place": place, "request_id": request_id}))
        beside.replace(self.folder / str(invocation_id))

    def forget(self, invocation_id: UUID) -> None:
        """Its process has ended, and that is known where it has to be."""
        (self.folder / str(invocation_id)).unlink(missing_ok=True)

    def dead(self, invocation_id: UUID) -> str | None:
        """Return the request id of an invocation whose process has ended; ``None`` when it runs, or is not ours."""
        try:
            found = json.loads((self.folder / str(invocation_id)).read_text())
        except FileNotFoundError:
            return None
        return str(found["request_id"]) if is_dead(found["place"]) else None

    def sweep(self, active: set[UUID]) -> None:
        """Remove the files of invocations that are no longer ``active`` and whose process has ended."""
        if not self.folder.is_dir():
            return
        for file in self.folder.iterdir():
            invocation_id = UUID(file.name.removeprefix("."))
            if invocation_id not in active and (file.name.startswith(".") or self.dead(invocation_id) is not None):
                file.unlink(missing_ok=True)
