"""``trapline alert --test``: see whether alerts get through."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from trapline.access.dispatcher import ask_deployed, is_deployed
from trapline.access.ledger import writing
from trapline.access.one_machine import send_test_alert
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.printer import note
from trapline_common.domain.answers import Drained
from trapline_common.domain.messages import Drain
from trapline_common.ledger import outbox
from trapline_common.local.channels import FILE_NAME

_PATIENCE = 60.0
"""Seconds until a test alert must be out: the notifier sends one message a second."""
_SEE = "see `trapline status` and the notifier's log"


def alert(
    test: bool = typer.Option(
        False, "--test", help="Send the test alert; required, so that nothing is sent by mistake."
    ),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Send a test alert to the terminal and through every channel of DATA_DIR/channels.yaml.

    With --env it takes the way of every alert there: the outbox, the notifier, and each channel; the command waits up
    to 60 s until the topic and the channels of the relay have it.

    Exits with 0 when every channel took it, 2 when channels.yaml can't be used, 4 when a channel did not take it.

    Examples:

      trapline alert --test
      trapline alert --test --data-dir /var/lib/trapline --json
      trapline alert --test --env prod
    """
    if not test:
        raise typer.BadParameter("say --test: it is the only thing this command does")
    deployed = is_deployed()
    went = asyncio.run(
        _test_topic(data_dir, database_url)
        if deployed
        else send_test_alert.load()(environ=os.environ, data_dir=data_dir, to_terminal=not json)
    )
    if json:
        print_json({"channels": went})
    else:
        if not deployed:
            print()
        for name, wrong in went.items():
            print(f"{name}: {'sent' if wrong is None else wrong}")
        if len(went) == 1 and not deployed:
            note(f"no channel in {data_dir / FILE_NAME}: alerts are only shown here")
    if any(wrong is not None for wrong in went.values()):
        raise typer.Exit(ExitCode.AWAY)


async def _test_topic(data_dir: Path, url: str | None) -> dict[str, str | None]:
    """Write a test alert to the outbox and have the notifier send it; it may be at work on others just now."""
    async with writing(data_dir, url) as ledger:
        alert_id = await outbox.add_test(ledger.database)
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
