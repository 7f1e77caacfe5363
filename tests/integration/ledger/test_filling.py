"""Opening a large run: its pages are stored and written in chunks, in order, each once."""

from typing import Any

import pytest

from support.ledger import open_run, urls, value
from trapline_common.ledger import run_pages, runs
from trapline_common.ledger.connection import Database

MANY = 30_000


async def test_a_run_of_thirty_thousand_pages_takes_a_handful_of_statements(database: Database) -> None:
    """However many pages a run has, opening it is one statement a chunk and a few more, not one for each page."""
    statements: list[Any] = []
    with database.connection.query_logger(statements.append):
        run = await open_run(database, urls(MANY))
    assert len(statements) < 20
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE run_id = $1", run) == MANY


async def test_pages_keep_their_order_and_come_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across the borders of several chunks the tasks are in the order of the list, and a repeated page is one task."""
    monkeypatch.setattr(run_pages, "CHUNK", 3)
    pages = [f"https://site.example/{name}" for name in "hgfaedcbaih"]
    run = await open_run(database, pages)
    found = await database.connection.fetch("SELECT url FROM trapline.task WHERE run_id = $1 ORDER BY id", run)
    assert [row["url"] for row in found] == list(dict.fromkeys(pages))


async def test_known_pages_use_up_no_numbers(database: Database) -> None:
    """Pages that the crawl knows are not written again, and take nothing from the pages' sequence."""
    run = await open_run(database, urls(50))
    assert await runs.enqueue(database, run, [*urls(50), "https://site.example/new"]) == 1
    assert await value(database, "SELECT max(id) - min(id) + 1 = count(*) FROM trapline.page")
    assert await value(database, "SELECT count(*) FROM trapline.page") == 51
