"""The web view beside ``trapline serve``: it stays while the ledger is away, and says so."""

import asyncio
import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trapline.render.artifact_location import ARTIFACTS
from trapline_common.domain.answers import DispatcherAnswer
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError
from trapline_common.domain.web_view import WEB_URL
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.serve.listen_address import ListenAddress
from trapline_machine.serve.served_file import ServedFile
from trapline_machine.serve.view_actions import Dispatch, ViewActions
from trapline_web.access import Access, kept_token
from trapline_web.app import create_app
from trapline_web.feed_keys import FeedKeys
from trapline_web.ledger_views import LedgerViews
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Place
from trapline_web.serving import listen, serve_app
from trapline_web.subprocess_actions import SubprocessActions


@dataclass(slots=True, kw_only=True)
class WebHost:
    """The view of the ledger that is served."""

    address: ListenAddress
    """Where it listens."""
    read_only: bool
    """Whether it is for looking only."""
    data_dir: Path
    """Where the token and the artifacts are."""
    database_url: str | None
    """The ledger that ``DATABASE_URL`` names; ``None``: the embedded one."""
    environ: Mapping[str, str]
    """The environment of commands."""
    file: ServedFile
    """The file, whose refusal every screen shows."""
    say: Callable[[str], None]
    """Shows one line to a person."""
    url: str = ""
    """Its address for people; empty until it listens."""
    _dsn: str | None = None
    """Where the ledger is; ``None`` until it was first reached."""
    _dispatch: Dispatch | None = None
    """The dispatcher of the ledger's machine, which opens runs; ``None`` until then."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at the end."""
    _serving: "asyncio.Task[None] | None" = None
    """Answers requests; ``None`` until it listens."""

    def open(self) -> str:
        """Listen, unless it does, and return the address for people. Raises ``InputRefusedError``."""
        if self._serving is not None:
            return self.url
        try:
            listener = listen(self.address.host, self.address.port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "another program has it" if taken else error.strerror
            raise InputRefusedError(
                f"--listen: {self.address.host}:{self.address.port}: {why}; choose another with --listen, or --no-web"
            ) from error
        port = listener.getsockname()[1]
        self.url = self.environ.get(WEB_URL) or self.address.url(port)
        access = Access(
            token=kept_token(self.data_dir),
            feeds=FeedKeys(self.data_dir),
            hosts=self.address.hosts(port),
            port=port,
            secure=self.url.startswith("https:"),
        )
        views = LedgerViews(self._connect)
        commands = SubprocessActions(data_dir=self.data_dir, database_url=self.database_url, environ=self.environ)
        app = create_app(
            views=views,
            pictures=NamedArtifacts(fetch=DirectoryArtifacts(self.data_dir / ARTIFACTS).get, is_named=views.is_named),
            actions=None if self.read_only else ViewActions(dispatch=self._ask, others=commands),
            access=access,
            place=Place(name="this machine", notices=self._notices),
        )
        self._serving = asyncio.create_task(serve_app(app, listener, stop=self._stop))
        self._serving.add_done_callback(lambda _: listener.close())
        self.say(f"web view: {self.url}{access.one_time_link()} (lets one browser in, once; later: {self.url}, with")
        self.say(f"  the token in {self.data_dir / 'web.token'})")
        return self.url

    def connect(self, dsn: str, dispatch: Dispatch) -> None:
        """Show this ledger, and open runs by this dispatcher."""
        self._dsn, self._dispatch = dsn, dispatch

    async def close(self) -> None:
        """End within three seconds."""
        self._stop.set()
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)

    async def _connect(self) -> Database | None:
        if self._dsn is None:
            raise LedgerUnavailableError("the ledger is being started")
        return await Database.connect(self._dsn, application="trapline-web")

    async def _ask(self, event: Mapping[str, Any]) -> DispatcherAnswer:
        if self._dispatch is None:
            raise LedgerUnavailableError("the ledger is being started")
        return await self._dispatch(event)

    def _notices(self) -> list[str]:
        if self.file.refused is None:
            return []
        return [*self.file.refused.splitlines(), f"{self.file.path} is refused; what it said before goes on"]
