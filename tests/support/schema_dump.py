"""A database's schema as Postgres' own ``pg_dump`` reads it from the catalogue, in an order that is always the same."""

import asyncio
import subprocess

from trapline_machine.postgres_programs import packaged

_OPTIONS = ("--schema-only", "--no-owner", "--no-comments", "--schema=trapline", "--restrict-key=fixed")


async def dump(dsn: str, *, version: int = 18) -> list[str]:
    """Return the lines of the dump, without comments; ``version`` is the server's."""
    programs = packaged(version)
    assert programs is not None
    done = await asyncio.to_thread(
        subprocess.run, [programs / "pg_dump", *_OPTIONS, dsn], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines: list[str] = done.stdout.splitlines()
    assert len(lines) > 500, "a dump of nothing equals another"
    return lines
