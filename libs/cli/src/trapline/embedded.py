"""The embedded Postgres, for a program of a person's own that looks into the ledger of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trapline.access import one_machine


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run the Postgres of a data directory, or join the one that runs there, and yield its DSN.

    The name of the releases before; it takes part in starting and stopping as every command does. Raises
    ``LedgerUnavailableError``.
    """
    with one_machine.embedded_postgres.load()(data_dir) as dsn:
        yield dsn
