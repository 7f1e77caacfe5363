"""``trapline view SCREEN``: one screen of the web view as JSON, which is how the view of a deployment reads it."""

import asyncio
import sys
from pathlib import Path

import typer

from trapline.access.ledger import reading
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.views.screens.catalogue import named_screen, read_screen

MAX_SCREEN = 300_000
"""Bytes of a screen: every list in it is limited, and a browser waits for it."""


def view(
    screen: str = typer.Argument(metavar="SCREEN", help="overview, run, page, crawl, changes, failures and the like."),
    parameters: list[str] = typer.Argument(None, metavar="[NAME=VALUE]...", help="What it is asked with: id=7."),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Print one screen of `trapline web` as JSON, with all that it shows; the same as `/api/v1/SCREEN` answers.

    The names and their parameters stand in docs/reference/api.json. It prints null before the first crawl.

    Exits with 0, and with 2 when there is no such screen, or nothing under this number or name.

    Examples:

      trapline view overview | jq .problems
      trapline view page id=12 --env prod
      trapline view changes crawl=pricing since=2026-11-28T00:00:00Z
    """
    given = dict(_pair(each) for each in parameters or [])
    sys.stdout.write(asyncio.run(_view(screen, given, data_dir=data_dir, url=database_url)) + "\n")


async def _view(name: str, given: dict[str, str], *, data_dir: Path, url: str | None) -> str:
    screen = named_screen(name)
    async with reading(data_dir, url) as database:
        found = None if database is None else await read_screen(database, name, given)
    text = "null" if found is None else screen.answer.dump_json(found).decode()
    if len(text) > MAX_SCREEN:
        raise InputRefusedError(f"this screen has {len(text):,} bytes, more than the {MAX_SCREEN:,} that are shown")
    return text


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise InputRefusedError(f"{text[:100]!r} is no NAME=VALUE, such as id=7")
    return name, value
