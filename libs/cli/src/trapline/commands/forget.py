"""``trapline forget NAME...``: a crawl that is gone for good needs no attention any more."""

import asyncio
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import typer

from trapline.access.ledger import writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.render.json import print_json
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger import known_crawls


def forget(
    names: list[str] = typer.Argument(metavar="NAME...", help="Crawls that are gone for good, by their names."),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Forget crawls that are gone for good: `trapline status` speaks of their pages and schedules no more.

    A crawl that is taken out of a crawls.yaml, renamed or switched off is forgotten by the next `trapline crawl` of
    that file; this is for a file that is gone. Nothing is deleted, and a file that has the crawl brings it back.

    Exits with 0 when all are forgotten, 2 when a name is none of a crawl (nothing is forgotten then).

    Examples:

      trapline forget old-pricing
      trapline forget old-pricing --env prod
    """
    asyncio.run(_forget(names, json=json, data_dir=data_dir, url=database_url))


async def _forget(wanted: Sequence[str], *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        known = await known_crawls.names(ledger.database)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise InputRefusedError("\n".join(_unknown(name, known) for name in unknown))
        for name in wanted:
            await known_crawls.forget(ledger.database, name)
    if json:
        print_json({"forgotten": list(wanted)})
    else:
        print("\n".join(f"{name} is forgotten" for name in wanted))


def _unknown(name: str, known: Sequence[str]) -> str:
    meant = get_close_matches(name, known, n=1)
    return f"no crawl {name}" + (f"; did you mean {meant[0]}?" if meant else "; see `trapline runs`")
