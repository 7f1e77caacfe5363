"""The one-machine runtime, as commands reach it.

It is a distribution of its own (``trapline-machine``), which the command never imports: it registers what it can do as
entry points, and each is loaded only by the command that needs it. A deployment's operator function has none of it.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.messages import Message
from trapline_common.ledger.connection import Database

GROUP = "trapline.machine"
"""The entry points that ``trapline-machine`` declares."""
INSTALL = (
    "this installation holds the command alone, without the one-machine runtime; install it: `pip install trapline`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger that may be written: where it is, and one connection to it."""

    dsn: str
    database: Database


def _load(name: str) -> Any:
    for found in entry_points(group=GROUP, name=name):
        return found.load()
    raise InputRefusedError(INSTALL)


def embedded_postgres(data_dir: Path) -> AbstractContextManager[str]:
    """Run the embedded Postgres of ``data_dir`` and yield its DSN. Raises ``InputRefusedError`` without the runtime."""
    started: AbstractContextManager[str] = _load("embedded_postgres")(data_dir)
    return started


def open_ledger(data_dir: Path) -> AbstractAsyncContextManager[tuple[str, Database]]:
    """Yield the DSN of the embedded ledger of ``data_dir`` and a migrated connection. Raises as ``embedded_postgres``."""
    opened: AbstractAsyncContextManager[tuple[str, Database]] = _load("open_ledger")(data_dir, None)
    return opened


async def ask_dispatcher(ledger: Ledger, message: Message, *, data_dir: Path) -> dict[str, Any]:
    """Have a dispatcher in this process do what ``message`` says. Raises ``MessageRefusedError`` when it refuses."""
    answer: dict[str, Any] = await _load("ask_dispatcher")(ledger, message, data_dir=data_dir)
    return answer


async def reap(ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path) -> dict[str, int]:
    """Rescue here what can be told to be dead; return what was done, in numbers. Raises ``LedgerUnavailableError``."""
    done: dict[str, int] = await _load("reap")(ledger, environ=environ, data_dir=data_dir)
    return done


async def send_test_alert(*, environ: Mapping[str, str], data_dir: Path, to_terminal: bool) -> dict[str, str | None]:
    """Send a test alert through every channel of ``data_dir``; return what went wrong, by channel."""
    went: dict[str, str | None] = await _load("send_test_alert")(
        environ=environ, data_dir=data_dir, to_terminal=to_terminal
    )
    return went
