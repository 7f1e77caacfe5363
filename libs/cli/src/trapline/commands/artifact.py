"""``trapline artifact KEY``: where a screenshot, or a page's HTML, can be fetched."""

import asyncio
import os
from pathlib import Path

import typer

from trapline.access.ledger import existing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.render.artifact_location import ARTIFACTS
from trapline.render.json import print_json
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.machine_room import is_named
from trapline_common.local.artifacts import DirectoryArtifacts


def artifact(
    key: str = typer.Argument(metavar="KEY", help="The artifact's key, as `trapline show --json` has it."),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Print where a screenshot or a page's HTML can be fetched; only what the ledger names is told.

    Of a deployment it is an address in S3 that works for five minutes: whoever has it can fetch that one file, so
    keep it to yourself. On this machine it is the file's path.

    Exits with 0, and with 2 when no visit in the ledger has that artifact.

    Examples:

      trapline artifact $(trapline show 7 --json | jq -r '.failures[0].screenshot')
      curl -o page.png "$(trapline artifact KEY --env prod)"
    """
    where = asyncio.run(_where(key, data_dir=data_dir, url=database_url))
    if json:
        print_json({"key": key, "url": where})
    else:
        print(where)


async def _where(key: str, *, data_dir: Path, url: str | None) -> str:
    async with existing(data_dir, url) as database:
        await _check(database, key)
    bucket = os.environ.get("TRAPLINE_ARTIFACTS", "")
    if bucket.startswith("s3://"):
        from trapline_common.aws.signed_artifact import signed_url  # late: boto3 costs a command here 0.4 s of CPU

        return signed_url(bucket, key)
    return DirectoryArtifacts(data_dir / ARTIFACTS).location(key)


async def _check(database: Database, key: str) -> None:
    if not await is_named(database, key):
        raise InputRefusedError(f"no visit in the ledger has the artifact {key[:120]}")
