"""Serves the view of this machine's ledger, or of a deployment, until a signal ends it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from trapline.access.ledger import connect
from trapline.remote.caller import OPERATOR, READER
from trapline.remote.local_aws import LOCAL, local_settings
from trapline.render.artifact_location import ARTIFACTS
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_common.ledger.views.database import schema_version
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.embedded_postgres import embedded_postgres
from trapline_machine.remote_view import Function, fetch_artifact
from trapline_web.access import Access, kept_token
from trapline_web.app import create_app
from trapline_web.feed_keys import FeedKeys
from trapline_web.ledger_views import LedgerViews
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Actions, Pictures, Place, Views
from trapline_web.remote import RemoteActions, RemoteViews
from trapline_web.report import Report, report
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
        async with self._starting:
            if self._dsn is None:
                self._dsn = await self._start()
        if self._dsn is None:
            return None
        database = await connect(self._dsn)
        if await schema_version(database) is None:
            await database.close()
            return None
        return database

    async def _start(self) -> str | None:
        if not (self._data_dir / "postgres" / "PG_VERSION").is_file():
            return None
        dsn = await asyncio.to_thread(self._stack.enter_context, embedded_postgres(self._data_dir))
        async with await Database.connect(dsn) as database:
            await migrate(database)
        return dsn


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a view is started with."""

    data_dir: Path
    """The data directory, absolute: the token is kept there."""
    database_url: str | None
    """The ledger that ``DATABASE_URL`` names; ``None``: the embedded one."""
    environment: str | None
    """The deployment that is shown; ``None``: this machine's ledger."""
    port: int
    """The port on loopback; 0: any free one."""
    read_only: bool
    """Whether it is for looking only."""
    path: str
    """The screen to begin with."""


async def serve_view(
    options: Options, *, environ: Mapping[str, str], shown: Callable[[str], None], signals: Sequence[Signals]
) -> None:
    """Serve on loopback until one of ``signals`` comes. ``shown`` gets the link that lets a browser in.

    Raises ``OSError`` where the port is taken, ``InputRefusedError`` and ``TransientError`` where the ledger, or the
    way to it, can't be had at the start.
    """
    listener = listen(LOOPBACK, options.port)
    stop = asyncio.Event()
    with ExitStack() as stack, listener:
        number = listener.getsockname()[1]
        parts = _remote(options, environ) if options.environment else _local(options, environ, stack)
        await parts.views.read("lanes", {})  # a ledger that is away, or too old, is said before anything is served
        access = Access(
            token=kept_token(options.data_dir),
            feeds=FeedKeys(options.data_dir),
            hosts=frozenset({f"{LOOPBACK}:{number}", f"localhost:{number}"}),
            port=number,
        )
        app = create_app(
            views=parts.views,
            pictures=parts.pictures,
            actions=None if options.read_only else parts.actions,
            access=access,
            place=parts.place,
        )
        loop = asyncio.get_running_loop()
        for each in signals:
            loop.add_signal_handler(each, stop.set)
        try:
            shown(f"http://{LOOPBACK}:{number}{access.one_time_link(options.path)}")
            await serve_app(app, listener, stop=stop)
        finally:
            for each in signals:
                loop.remove_signal_handler(each)
            await parts.views.close()


async def read_report(
    run_id: int, *, data_dir: Path, database_url: str | None, environment: str | None, environ: Mapping[str, str]
) -> Report:
    """Return one run as one file. Raises as ``serve_view`` does, and ``InputRefusedError`` for an unknown run."""
    options = Options(
        data_dir=data_dir, database_url=database_url, environment=environment, port=0, read_only=True, path="/"
    )
    with ExitStack() as stack:
        parts = _remote(options, environ) if environment else _local(options, environ, stack)
        try:
            return await report(run_id, views=parts.views, pictures=parts.pictures, place=parts.place)
        finally:
            await parts.views.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """Where a view's screens, pictures and actions come from."""

    views: Views
    """The screens."""
    pictures: Pictures
    """The artifacts."""
    actions: Actions
    """The commands."""
    place: Place
    """The ledger's name."""


def _local(options: Options, environ: Mapping[str, str], stack: ExitStack) -> _Parts:
    views = LedgerViews(LocalLedger(options.data_dir, options.database_url, stack).open)
    store = DirectoryArtifacts(options.data_dir / ARTIFACTS)
    return _Parts(
        views=views,
        pictures=NamedArtifacts(fetch=store.get, is_named=views.is_named),
        actions=SubprocessActions(data_dir=options.data_dir, database_url=options.database_url, environ=environ),
        place=Place(name="this machine", runs_now=False),
    )


def _remote(options: Options, environ: Mapping[str, str]) -> _Parts:
    name = str(options.environment)
    look = Function.connect(name, function=READER, environ=environ, data_dir=options.data_dir)
    act = Function.connect(name, function=OPERATOR, environ=environ, data_dir=options.data_dir)

    # The certificates that the call to the function trusts hold for the bucket too
    settings = local_settings(options.data_dir) if options.environment == LOCAL else {}
    authorities = str(settings.get("verify") or environ.get("AWS_CA_BUNDLE") or "") or None

    async def fetch(key: str) -> bytes:
        return await fetch_artifact(look, key, authorities=authorities)

    async def told_by_the_function(_key: str) -> bool:
        return True  # it signs only what its ledger names

    return _Parts(
        views=RemoteViews(look),
        pictures=NamedArtifacts(fetch=fetch, is_named=told_by_the_function),
        actions=RemoteActions(act),
        place=Place(name=name, options=f"--env {name}"),
    )
