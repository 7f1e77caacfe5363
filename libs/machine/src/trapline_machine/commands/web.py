"""``trapline web``: the view of a ledger in a browser."""

import asyncio
import os
import signal
import webbrowser
from pathlib import Path

import typer

from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir
from trapline.render.notes import note
from trapline_common.platform.logging import configure
from trapline_machine.serve.listen_address import PORT
from trapline_web.feed_keys import FeedKeys


def web(
    port: int = typer.Option(PORT, "--port", "-p", min=0, max=65535, help="The port on 127.0.0.1; 0: any free one."),
    read_only: bool = typer.Option(False, "--read-only", help="For looking only: no form runs, retries or cancels."),
    open_browser: bool = typer.Option(False, "--open", help="Open the browser at it."),
    env: str | None = typer.Option(None, "--env", metavar="NAME", help="Show this deployment on AWS."),
    path: str = typer.Option("/", "--at", metavar="PATH", help="The screen to begin with, such as /pages/12."),
    new_feed_key: str | None = typer.Option(
        None, "--new-feed-key", metavar="NAME", help="Make a key for feeds, badges and metrics, print it once, and end."
    ),
    revoke_feed_key: str | None = typer.Option(
        None, "--revoke-feed-key", metavar="NAME", help="Revoke such a key, and end; a view that serves obeys at once."
    ),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the ledger in a browser: whether all is well, runs, pages with their history and pictures, failures, alerts.

    It serves on this machine's own 127.0.0.1, and prints a link that lets one browser in. It makes nothing public and
    never edits a crawls.yaml. With --env it reads through the deployment's reader function, which can't
    act, and acts through its operator function, with your AWS credentials.

    Exits with 0 when Ctrl-C or SIGTERM ends it, 2 when the port is taken or the ledger's schema is too old, 4 when the
    ledger, or AWS, is away at the start.

    Examples:

      trapline web
      trapline web --open --at /failures
      trapline web --env prod --read-only
      trapline web --new-feed-key grafana
    """
    if new_feed_key or revoke_feed_key:
        _keys(data_dir, new=new_feed_key, revoked=revoke_feed_key)
        return
    from trapline_machine.web_view import Options, serve_view  # late: the server's libraries cost others 0.2 s

    configure(service="trapline", level="WARNING")

    def shown(link: str) -> None:
        note(f"trapline web: {link}")
        note("The link lets one browser in, once; Ctrl-C ends the view.")
        if open_browser:
            webbrowser.open(link)

    options = Options(
        data_dir=data_dir.resolve(),
        database_url=database_url or None,
        environment=env,
        port=port,
        read_only=read_only,
        path=path,
    )
    asyncio.run(serve_view(options, environ=os.environ, shown=shown, signals=(signal.SIGINT, signal.SIGTERM)))


def _keys(data_dir: Path, *, new: str | None, revoked: str | None) -> None:
    keys = FeedKeys(data_dir.resolve())
    if revoked:
        keys.revoke(revoked)
        note(f"the key {revoked} opens nothing any more")
    if new:
        print(keys.new(new))
        note("It is shown this once, and reads /changes.atom, /badge/CRAWL.svg, /ok/CRAWL and /metrics alone: ?key=KEY")
