"""``trapline add RUN URL...``: more pages for an open run."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from trapline.access.dispatcher import count_again
from trapline.access.ledger import known_run, writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, RunArgument
from trapline.render.json import print_json
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import LaneName, RunId
from trapline_common.ledger import runs
from trapline_common.platform.text import counted


def add(
    run: RunArgument,
    urls: list[str] = typer.Argument(
        metavar="URL...", help="Pages to visit; - reads them from standard input, one a line."
    ),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Add pages to an open run while it is worked on; a page that the run has already is not added again.

    Exits with 0 when the run has all the pages, 2 when a URL is wrong (none is added then) or the run is not open.

    Examples:

      trapline add 7 https://example.com/new https://example.com/newer
      trapline add 7 - < urls.txt
      trapline add 7 https://example.com/new --env prod
    """
    texts = _from_stdin() if urls == ["-"] else urls
    asyncio.run(_add(run, normalised(texts), json=json, data_dir=data_dir, url=database_url))


def _from_stdin() -> list[str]:
    try:
        return [line.strip() for line in sys.stdin if line.strip()]
    except UnicodeDecodeError as error:
        raise InputRefusedError(f"standard input is not UTF-8: {error.reason}") from error


def normalised(texts: Sequence[str]) -> list[str]:
    """Return the URLs in normal form, each once. Raises ``InputRefusedError`` that names each bad one."""
    found: dict[str, None] = {}
    problems = []
    for number, text in enumerate(texts, start=1):
        try:
            found[normalise_url(text)] = None
        except ValueError as error:
            problems.append(f"URL {number}, {text[:200]}: {error}")
    if problems:
        raise InputRefusedError("\n".join(problems))
    if not found:
        raise InputRefusedError("no URL on standard input")
    return list(found)


async def _add(run_id: int, urls: Sequence[str], *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        run = await known_run(ledger.database, run_id)
        added = await runs.enqueue(ledger.database, RunId(run_id), urls)
        if added is None:
            state = "opening" if run.status == "opening" else run.outcome or "ended"
            raise InputRefusedError(
                f"run {run_id} is {state}; pages can only be added to an open run, see `trapline runs --status open`"
            )
        await count_again(ledger.dsn, LaneName(run.lane))
    if json:
        print_json({"run_id": run_id, "added": added, "already_there": len(urls) - added})
    else:
        there = len(urls) - added
        already = f", {counted(there, 'was', 'were')} there already" if there else ""
        print(f"{counted(added, 'page')} added to run {run_id} of {run.crawl}{already}")
