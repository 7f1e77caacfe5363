"""The addresses that libpq takes reach a real Postgres."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query


class Place:
    """Where the test's database is, for addresses of other forms."""

    def __init__(self, dsn: str) -> None:
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(dsn).query).items()}
        self.folder = asked["host"]
        self.port = asked.get("port", "5432")
        self.name = urlsplit(dsn).path.lstrip("/")


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def said(address: str, sql: str, **environ: str) -> object:
    """Connect as a service does, and return what one statement returns."""
    async with await Database.connect(address, environ=environ) as database:
        return await database.fetchval(Query(name="asked", sql=sql))


async def test_pairs_quotes_options_and_a_name(dsn: str) -> None:
    """As a person has them from psql or a provider's page."""
    place = Place(dsn)
    address = (
        f"host='{place.folder}' port = {place.port} dbname={place.name} user=postgres application_name='my name' "
        "options='-c work_mem=9MB' sslmode=require keepalives=1 channel_binding=prefer"
    )
    assert await said(address, "SELECT current_setting('application_name')") == "my name"
    assert await said(address, "SELECT current_setting('work_mem')") == "9MB"


async def test_the_first_of_several_hosts_that_answers(dsn: str) -> None:
    """A host that is away is passed over, also for the one that may be written."""
    place = Place(dsn)
    hosts = f"host=/nonexistent,{place.folder} port={place.port},{place.port}"
    for more in ("", " target_session_attrs=read-write", " target_session_attrs=primary"):
        found = await said(f"{hosts} dbname={place.name} user=postgres{more}", "SELECT current_database()")
        assert found == place.name
    with pytest.raises(LedgerUnavailableError):
        await said(f"{hosts} dbname={place.name} user=postgres target_session_attrs=standby", "SELECT 1")


async def test_variables_and_a_service(dsn: str, tmp_path: Path) -> None:
    """Where the address says little, what psql would read says the rest."""
    place = Place(dsn)
    services = tmp_path / "services"
    services.write_text(f"[here]\nhost={place.folder}\nport={place.port}\ndbname={place.name}\nuser=postgres\n")
    environ = {"PGSERVICEFILE": str(services), "PGSERVICE": "here"}
    assert await said("postgresql://", "SELECT current_database()", **environ) == place.name
    assert await said("application_name=x", "SELECT current_database()", **environ) == place.name


async def test_connect_timeout_ends_the_wait(silent: int) -> None:
    """Two seconds, in place of our fifteen, for a host that takes the connection and says nothing."""
    began = time.monotonic()
    with pytest.raises(LedgerUnavailableError):
        await said(f"host=127.0.0.1 port={silent} user=u sslmode=disable connect_timeout=1", "SELECT 1")
    assert 1.5 < time.monotonic() - began < 8


async def test_what_can_not_be_kept_connects_nowhere(dsn: str) -> None:
    """A promise that would be broken in silence is refused."""
    place = Place(dsn)
    with pytest.raises(InputRefusedError, match="DATABASE_URL: channel_binding=require"):
        await said(f"host={place.folder} port={place.port} user=postgres channel_binding=require", "SELECT 1")
