"""What the one process that serves a ledger says of itself."""

from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_QUERIES = load("serving")


async def try_hold(database: Database) -> bool:
    """Become the process that serves, until this connection ends; ``False`` while another one is."""
    return bool(await database.fetchval(_QUERIES["try_hold"]))


async def begin(database: Database, *, file: str, place: str) -> None:
    """Note which file is served, and where: host and process."""
    await database.fetch(_QUERIES["begin"], file, place)


async def seen(database: Database) -> None:
    """Note that it lives."""
    await database.fetch(_QUERIES["seen"])


async def note_refused(database: Database, why: str | None) -> None:
    """Note what is wrong with the file as it is now; ``None``: nothing is."""
    await database.fetch(_QUERIES["refused"], to_text(why))


async def stopped(database: Database) -> None:
    """Note that it ended in order."""
    await database.fetch(_QUERIES["stopped"])
