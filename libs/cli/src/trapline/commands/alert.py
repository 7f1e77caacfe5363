"""``trapline alert --test``: see whether alerts get through."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from trapline.commands.options import DEFAULT_DATA_DIR, DataDir, Json
from trapline.output import note
from trapline.output_json import print_json
from trapline_common.local.channels import FILE_NAME
from trapline_common.local.secrets import LocalSecrets


def alert(
    test: bool = typer.Option(False, "--test", help="Send a test alert through every channel."),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Send a test alert to the terminal and through every channel of DATA_DIR/channels.yaml; exit with 1 if one fails.

    Examples:

      trapline alert --test
      trapline alert --test --data-dir /var/lib/trapline --json
    """
    if not test:
        raise typer.BadParameter("say --test: it is the only thing this command does")
    went = asyncio.run(_test(data_dir, to_terminal=not json))
    if json:
        print_json({"channels": went})
    else:
        print()
        for name, wrong in went.items():
            print(f"{name}: {'sent' if wrong is None else wrong}")
        if len(went) == 1:
            note(f"no channel in {data_dir / FILE_NAME}: alerts are only shown here")
    if any(wrong is not None for wrong in went.values()):
        raise typer.Exit(1)


async def _test(data_dir: Path, *, to_terminal: bool) -> dict[str, str | None]:
    # Apprise and boto3 take half a second to load: only this command needs them.
    from trapline_notifier.publishers.console import ConsolePublisher
    from trapline_notifier.trial import send_test
    from trapline_notifier.wiring import local_publishers

    publishers = await local_publishers(data_dir, LocalSecrets(os.environ, data_dir / "secrets"))
    terminal = {"terminal": ConsolePublisher(sys.stdout)} if to_terminal else {}
    return await send_test({**terminal, **publishers}, at=datetime.now(UTC))
