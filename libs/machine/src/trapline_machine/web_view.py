"""Serves the view of this machine's ledger until a signal ends it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from signal import Signals

from trapline.access.ledger import connect
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_common.ledger.views.database import schema_version
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.embedded_postgres import embedded_postgres
from trapline_web.access import Access, kept_token
from trapline_web.app import create_app
from trapline_web.ledger_views import LedgerViews
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Place
from trapline_web.serving import listen, serve_app
from trapline_web.subprocess_actions import SubprocessActions

LOOPBACK = "127.0.0.1"


class LocalLedger:
    """Opens connections to the ledger of a data directory, or to the one that ``DATABASE_URL`` names.

    A view makes no ledger: while there is none, it says so. An embedded Postgres that is there is started by the first
    look, and ends with the view unless others use it.
    """

    def __init__(self, data_dir: Path, database_url: str | None, stack: ExitStack) -> None:
        self._data_dir = data_dir
        self._dsn = database_url
        self._stack = stack
        self._starting = asyncio.Lock()

    async def open(self) -> Database | None:
        """Return a connection; ``None`` while there is no ledger. Raises ``LedgerUnavailableError``."""
        if self._dsn is None:
            async with self._starting:
                if self._dsn is None and not await self._start():
                    return None
        assert self._dsn is not None
        database = await connect(self._dsn)
        if await schema_version(database) is None:
            await database.close()
            return None
        return database

    async def _start(self) -> bool:
        if not (self._data_dir / "postgres" / "PG_VERSION").is_file():
            return False
        dsn = await asyncio.to_thread(self._stack.enter_context, embedded_postgres(self._data_dir))
        async with await Database.connect(dsn) as database:
            await migrate(database)
        self._dsn = dsn
        return True


async def serve_view(
    *,
    data_dir: Path,
    database_url: str | None,
    port: int,
    read_only: bool,
    path: str,
    environ: Mapping[str, str],
    shown: Callable[[str], None],
    signals: Sequence[Signals],
) -> None:
    """Serve on loopback until one of ``signals`` comes. ``shown`` gets the link that lets a browser in.

    Raises ``OSError`` where the port is taken, ``LedgerUnavailableError`` where the ledger is away at the start.
    """
    listener = listen(LOOPBACK, port)
    stop = asyncio.Event()
    with ExitStack() as stack, listener:
        number = listener.getsockname()[1]
        views = LedgerViews(LocalLedger(data_dir, database_url, stack).open)
        await views.read("lanes", {})  # a ledger that is away, or too old, is said before anything is served
        access = Access(
            token=kept_token(data_dir),
            hosts=frozenset({f"{LOOPBACK}:{number}", f"localhost:{number}"}),
            port=number,
        )
        options = ("--data-dir", str(data_dir))
        app = create_app(
            views=views,
            pictures=NamedArtifacts(fetch=DirectoryArtifacts(data_dir / "artifacts").get, is_named=views.is_named),
            actions=None if read_only else SubprocessActions(options=options, environ=_environ(environ, database_url)),
            access=access,
            place=Place(name="this machine", runs_now=False),
        )
        loop = asyncio.get_running_loop()
        for number_of_signal in signals:
            loop.add_signal_handler(number_of_signal, stop.set)
        try:
            shown(f"http://{LOOPBACK}:{number}{access.one_time_link(path)}")
            await serve_app(app, listener, stop=stop)
        finally:
            for number_of_signal in signals:
                loop.remove_signal_handler(number_of_signal)
            await views.close()


def _environ(environ: Mapping[str, str], database_url: str | None) -> dict[str, str]:
    """Return the environment of a command: the ledger's address goes there, and never on a command line."""
    rest = {name: text for name, text in environ.items() if name != "DATABASE_URL"}
    return rest if database_url is None else {**rest, "DATABASE_URL": database_url}
