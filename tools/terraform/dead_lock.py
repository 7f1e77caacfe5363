"""A lock of Terraform's state whose holder is dead: the next command takes it away, if it was this clone's own.

Terraform that ends in order takes its lock away, also when the command that started it was killed. One that was killed
itself, or whose machine went down, leaves it for ever. What ran here is noted before it starts and until it has ended.
"""

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path

import psutil

LATEST = timedelta(minutes=5)
"""How long after its start a Terraform takes the lock: it waits for another's for two minutes, and starts its provider
before."""
LOCKED = "Error acquiring the state lock"
"""Terraform's words for a lock that another holds."""
_FIELD = re.compile(r"^\W*(ID|Who|Created): +(.+?)\s*$", re.MULTILINE)


@contextmanager
def noted(folder: Path) -> Iterator[Callable[[int], None]]:
    """Note in ``folder`` that a Terraform runs which locks the state; yield what is told of its status.

    The note stays where this process is killed, and where the status is that of a killed one.
    """
    note = _note(folder)
    note.touch()
    yield lambda status: None if status < 0 else note.unlink(missing_ok=True)


def is_noted(folder: Path) -> bool:
    """Return whether a Terraform was noted here whose end nobody saw."""
    return _note(folder).exists()


def forget(folder: Path) -> None:
    """Take the note away: its Terraform has ended in order, or its lock was taken away."""
    _note(folder).unlink(missing_ok=True)


def lock_info(answer: str) -> dict[str, str]:
    """Return ID, Who and Created of the lock that ``answer`` tells of; nothing where it tells of none."""
    return dict(_FIELD.findall(answer))


def dead_lock(folder: Path, answer: str, *, environ: Mapping[str, str]) -> str | None:
    """Return the id of the lock that ``answer``, Terraform's refusal, tells of, if its holder is dead.

    It is the noted one's if this user took it on this machine soon after the note; that one is dead, because the caller
    holds the lock on ``folder`` which it inherited. Where another clone's Terraform runs that may hold it, by its
    environment variables compared with ``environ``, the answer is ``None``.
    """
    found = lock_info(answer)
    if not {"ID", "Who", "Created"} <= found.keys() or found["Who"] != f"{getuser()}@{socket.gethostname()}":
        return None
    begun = datetime.fromtimestamp(_note(folder).stat().st_mtime).astimezone()
    taken = datetime.fromisoformat(re.sub(r"(\.\d+)? \+0000 UTC.*", "+00:00", found["Created"]))
    if not begun - timedelta(seconds=1) <= taken <= begun + LATEST or _runs_elsewhere(folder, environ):
        return None
    return found["ID"]


def _runs_elsewhere(folder: Path, environ: Mapping[str, str]) -> bool:
    """Return whether a Terraform of this user runs on an environment of this name and on the same AWS."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "terraform":
            continue
        try:
            theirs = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # it has ended, or is another user's, who has another name in the lock
        same_aws = theirs.get("AWS_ENDPOINT_URL") == environ.get("AWS_ENDPOINT_URL")
        if same_aws and Path(theirs.get("TF_DATA_DIR", folder)).name == folder.name:
            return True
    return False


def _note(folder: Path) -> Path:
    return folder / "terraform-at-work"
