"""``trapline alert``: see whether alerts get through, and send one again."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from trapline.access.acting import acted_by
from trapline.access.dispatcher import ask_deployed, is_deployed
from trapline.access.ledger import writing
from trapline.access.one_machine import Ledger, drain_here, send_test_alert
from trapline.access.options import DEFAULT_DATA_DIR, MAX_ID, DatabaseUrl, DataDir, Json
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.domain.answers import Drained
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ids import AlertId
from trapline_common.domain.messages import Drain
from trapline_common.ledger import outbox
from trapline_common.ledger.resending import send_again
from trapline_common.local.channels import FILE_NAME

_PATIENCE = 60.0
"""Seconds until a test alert must be out: the notifier sends one message a second."""
_SEE = "see `trapline status` and the notifier's log"


def alert(
    test: bool = typer.Option(False, "--test", help="Send the test alert."),
    again: int | None = typer.Option(
        None, "--again", metavar="ALERT", min=1, max=MAX_ID, help="Send the alert with this number again."
    ),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Send a test alert to the terminal and through every channel of DATA_DIR/channels.yaml, or send an alert again.

    With --env the test takes the way of every alert there: the outbox, the notifier, and each channel; the command
    waits up to 60 s until the topic and the channels of the relay have it.

    --again makes an alert due once more to the channels that refused it or where it waits, or, where none did, to those
    that took it, and sends it: the same message under the same id, with all that it told. It is refused for an alert
    that was muted, and where the channel was told something newer of the same page since.

    Exits with 0 when every channel took it, 2 when channels.yaml can't be used or the alert can't be sent again, 4 when
    a channel did not take it.

    Examples:

      trapline alert --test
      trapline alert --test --env prod
      trapline alert --again 1234 --env prod --json
    """
    if test == (again is not None):
        raise typer.BadParameter("say --test or --again ALERT, so that nothing is sent by mistake")
    if again is not None:
        went = asyncio.run(_send_again(AlertId(again), data_dir=data_dir, url=database_url, quiet=json))
        _report(went, json=json)
        return
    deployed = is_deployed()
    went = asyncio.run(
        _test_topic(data_dir, database_url)
        if deployed
        else send_test_alert.load()(environ=os.environ, data_dir=data_dir, to_terminal=not json)
    )
    if not json and not deployed:
        print()
        if len(went) == 1:
            note(f"no channel in {data_dir / FILE_NAME}: alerts are only shown here")
    _report(went, json=json)


def _report(went: Mapping[str, str | None], *, json: bool) -> None:
    if json:
        print_json({"channels": went})
    else:
        for name, wrong in went.items():
            print(f"{name}: {'sent' if wrong is None else wrong}")
    if any(wrong is not None for wrong in went.values()):
        raise typer.Exit(ExitCode.AWAY)


async def _send_again(alert_id: AlertId, *, data_dir: Path, url: str | None, quiet: bool) -> dict[str, str | None]:
    """Make the alert due again and send it; return what went wrong, by channel."""
    async with writing(data_dir, url) as ledger:
        await send_again(ledger.database, alert_id, acted_by=acted_by())
        if is_deployed():
            return await _until_sent(ledger, alert_id)
        try:
            await drain_here.load()(ledger, environ=os.environ, data_dir=data_dir, quiet=quiet)
        except LedgerUnavailableError:
            raise
        except TransientError as error:
            note(f"trapline: {error}")
        return _by_channel(await outbox.outcomes(ledger.database, alert_id))


async def _test_topic(data_dir: Path, url: str | None) -> dict[str, str | None]:
    """Write a test alert to the outbox and have the notifier send it; it may be at work on others just now."""
    async with writing(data_dir, url) as ledger:
        return await _until_sent(ledger, await outbox.add_test(ledger.database))


async def _until_sent(ledger: Ledger, alert_id: AlertId) -> dict[str, str | None]:
    """Have the notifier send until the alert waits for no channel, or for long enough."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        await ask_deployed(Drain(), Drained, variable="TRAPLINE_NOTIFIER_FUNCTION")
        status, reason = await outbox.outcome(ledger.database, alert_id)
        found = await outbox.outcomes(ledger.database, alert_id)
        if status != "due" or time.monotonic() > give_up:
            return _by_channel(found) or {"topic": reason or f"alert {alert_id} is {status}; {_SEE}"}
        await asyncio.sleep(1)  # another notifier may serve the channel


def _by_channel(found: Mapping[str, tuple[str, str | None]]) -> dict[str, str | None]:
    """Return what went wrong, by channel, ``None`` where nothing did."""
    return {
        name: None if status == "sent" else reason or f"{status}; {_SEE}" for name, (status, reason) in found.items()
    }
