"""The one-machine runtime, as commands reach it.

It is a distribution of its own (``trapline-machine``), which the command never imports: it registers its functions as
entry points, and each is loaded only by the command that needs it. A deployment's operator function has none of it.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from uuid import UUID

from trapline_common.domain.errors import InputRefusedError

if TYPE_CHECKING:  # each command loads what it needs of these itself
    from trapline_common.domain.answers import DispatcherAnswer, Reaped
    from trapline_common.domain.ids import RunId
    from trapline_common.domain.messages import Message
    from trapline_common.ledger.connection import Database

GROUP = "trapline.machine"
"""The entry points that ``trapline-machine`` declares."""
INSTALL = (
    "this installation holds the command alone, without the one-machine runtime; install it: `pip install trapline`"
)

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger that may be written."""

    dsn: str
    """Where it is; it may hold a password."""
    database: "Database"
    """One connection to it."""


class EmbeddedPostgres(Protocol):
    """Runs the embedded Postgres of a data directory."""

    def __call__(self, data_dir: Path) -> AbstractContextManager[str]:
        """Start it, or join the one that runs, and yield its DSN. Raises ``LedgerUnavailableError``."""
        ...


class UpgradePostgres(Protocol):
    """Brings the data of an embedded Postgres up to the major version that the runtime has."""

    def __call__(self, data_dir: Path, programs: Path | None) -> Path | None:
        """Upgrade; return where the old data are kept, ``None`` when there was nothing to do.

        Raises ``InputRefusedError`` and ``LedgerUnavailableError``; the old data are then in their place.
        """
        ...


class OpenLedger(Protocol):
    """Opens the ledger of a data directory."""

    def __call__(self, data_dir: Path, database_url: str | None) -> "AbstractAsyncContextManager[tuple[str, Database]]":
        """Yield the DSN and a migrated connection. Raises ``LedgerUnavailableError``."""
        ...


class Dispatch(Protocol):
    """A dispatcher in this process, which starts no crawler."""

    async def __call__(self, ledger: Ledger, message: "Message", *, data_dir: Path) -> "DispatcherAnswer":
        """Do what the message asks for and return the dispatcher's answer, a refusal among them."""
        ...


class ReapHere(Protocol):
    """Rescues on this machine, where an ended process is seen at once."""

    async def __call__(self, ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path) -> "Reaped":
        """Rescue, end runs, delete what was kept long enough. Raises ``LedgerUnavailableError``."""
        ...


class DrainHere(Protocol):
    """Sends from this machine what the outbox holds."""

    async def __call__(self, ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path, quiet: bool) -> None:
        """Send what is due; ``quiet``: what goes to the terminal goes to standard error. Raises ``TransientError``."""
        ...


class RunHere(Protocol):
    """Works a run that this command has opened to its end, on this machine."""

    async def __call__(
        self, ledger: Ledger, run_id: "RunId", request: UUID, *, environ: Mapping[str, str], data_dir: Path, quiet: bool
    ) -> int:
        """Return the exit code, as `trapline crawl` does. ``quiet``: all goes to standard error."""
        ...


class SendTestAlert(Protocol):
    """Sends a test alert through every channel of a data directory."""

    async def __call__(self, *, environ: Mapping[str, str], data_dir: Path, to_terminal: bool) -> dict[str, str | None]:
        """Return what went wrong, by channel; ``None`` where the alert was sent."""
        ...


@dataclass(frozen=True)  # no slots: before Python 3.12 a generic class that is frozen and has slots can't be made
class Registered(Generic[F]):
    """A function of the runtime, by the name of its entry point; a test compares its signature with the protocol's."""

    name: str
    """The entry point's name in ``GROUP``."""

    def load(self) -> F:
        """Return the function. Raises ``InputRefusedError``, which says what to install, without the runtime."""
        for found in entry_points(group=GROUP, name=self.name):
            function: F = found.load()
            return function
        raise InputRefusedError(INSTALL)


embedded_postgres: Registered[EmbeddedPostgres] = Registered("embedded_postgres")
upgrade_postgres: Registered[UpgradePostgres] = Registered("upgrade_postgres")
open_ledger: Registered[OpenLedger] = Registered("open_ledger")
dispatch: Registered[Dispatch] = Registered("dispatch")
reap_here: Registered[ReapHere] = Registered("reap_here")
drain_here: Registered[DrainHere] = Registered("drain_here")
run_here: Registered[RunHere] = Registered("run_here")
send_test_alert: Registered[SendTestAlert] = Registered("send_test_alert")
