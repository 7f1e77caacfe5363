"""Lists that are longer than one answer: read to their end, each row comes once, also while rows are added."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from support.web_load import build
from support.web_stage import Stage
from support.web_view import TOKEN, Served, served
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.screens import lists, page, run

OBSERVATIONS = 8_000
"""Four rounds of 2,000 pages: 2,000 runs, 80 changes of which 20 each are of one moment, 1,600 invocations."""
ADDED = {
    "runs": "INSERT INTO trapline.run (crawl, lane, status, outcome, config, fingerprint, ended_at, tasks_done, "
    "tasks_failed, pages_changed) VALUES ('crawl-1', 'default', 'ended', 'skipped', '{}', '', now(), 0, 0, 0)",
    "alerts": "INSERT INTO trapline.alert (kind, crawl, run_id, payload, status) "
    "SELECT 'change', crawl, id, '{}', 'muted' FROM trapline.run LIMIT 1",
    "changes": "INSERT INTO trapline.observation (task_id, position, run_id, page_id, observed_at, url, final_url, "
    "redirects, timings, fields, console_errors, accepted, changed) SELECT task_id, position + 1000 + "
    "(SELECT count(*) FROM trapline.observation), run_id, page_id, now(), url, url, 0, '{}', '{}', 0, true, true "
    "FROM trapline.observation WHERE changed LIMIT 1",
    "invocations": "INSERT INTO trapline.invocation (lane, slot, status, ended_at) "
    "VALUES ('default', 1, 'terminated', now())",
}
"""What adds a row to each list that is in the order of time."""
GOES_ON: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "runs": lambda last: {"before": last["id"]},
    "alerts": lambda last: {"before": last["id"]},
    "changes": lambda last: {"at": last["at"], "after": last["id"]},
    "invocations": lambda last: {"at": last["created_at"], "after": last["id"]},
}
"""What docs/web.md says of each: where the list goes on behind its last row."""
TABLES = {"runs": "run", "alerts": "alert", "changes": "observation WHERE changed", "invocations": "invocation"}


@pytest.fixture
async def large(dsn: str, shop: Stage) -> AsyncIterator[tuple[Database, Served]]:
    """A ledger of many rows, and its view."""
    async with await Database.connect(dsn) as database, served(dsn, shop.artifacts) as view:
        await build(database, observations=OBSERVATIONS)
        yield database, view


async def asked(view: Served, screen: str, **given: Any) -> Any:
    """Return a screen as programs get it."""
    path = f"/api/v1/{screen}?{urlencode(given)}"
    reply = await view.get(path, entered=False, Authorization=f"Bearer {TOKEN}")
    assert reply.status == 200, reply.text
    return json.loads(reply.body)


async def add(database: Database, screen: str) -> None:
    """Add a row to a list, newer than any other; the guards would want its whole story."""
    await database.connection.execute(
        f"SET session_replication_role = replica; {ADDED[screen]}; RESET session_replication_role"
    )


async def test_each_list_of_the_api_is_read_whole_while_rows_are_added(large: tuple[Database, Served]) -> None:
    """Every row that was there comes once, newest first, whatever comes in between; rows of one moment too."""
    database, view = large
    for screen, goes_on in GOES_ON.items():
        for _ in range(7):  # so that an answer ends between rows of one moment
            await add(database, screen)
        was = [str(row["id"]) for row in await database.connection.fetch(f"SELECT id FROM trapline.{TABLES[screen]}")]
        found: list[dict[str, Any]] = []
        answer = await asked(view, screen)
        rows = answer[screen]
        at_once = len(rows)
        assert at_once in {lists.ROWS, lists.CHANGES}
        while rows:
            found += rows
            assert len(found) <= len(was), "a list goes round"
            await add(database, screen)
            said, answer = answer["more"], await asked(view, screen, **goes_on(rows[-1]))
            rows = answer[screen]
            assert said == bool(rows), screen
        ids = [str(row["id"]) for row in found]
        assert sorted(ids) == sorted(was), screen
        assert len(ids) > 1.5 * at_once
        order = [row["id"] if "before" in goes_on(row) else next(iter(goes_on(row).values())) for row in found]
        assert order == sorted(order, reverse=True), screen


async def test_a_pages_visits_end_with_a_full_part(large: tuple[Database, Served]) -> None:
    """Each comes once, and nothing leads on behind the last, where they fill two parts to the row."""
    database, view = large
    await database.connection.execute(
        "SET session_replication_role = replica; INSERT INTO trapline.observation (task_id, position, run_id, page_id, "
        "observed_at, url, final_url, redirects, timings, fields, console_errors, accepted, changed) "
        "SELECT task_id, position + 1000 + n, run_id, page_id, now(), url, url, 0, '{}', '{}', 0, true, false FROM "
        "(SELECT * FROM trapline.observation WHERE page_id = 1 LIMIT 1) o, generate_series(1, "
        f"{2 * page.VISITS} - (SELECT count(*)::int FROM trapline.observation WHERE page_id = 1)) n; "
        "RESET session_replication_role"
    )
    found, answer = list[int](), await asked(view, "page", id=1)
    while True:
        assert answer["visits"], "an empty part"
        found += [row["id"] for row in answer["visits"]]
        if not answer["more"]:
            break
        answer = await asked(view, "page", id=1, before=found[-1])
    assert len(set(found)) == len(found) == 2 * page.VISITS
    assert "Earlier visits" in (await view.get("/pages/1")).text
    assert "Earlier visits" not in (await view.get(f"/pages/1?before={found[page.VISITS - 1]}")).text


async def test_the_visits_of_an_ended_run_come_once_each(large: tuple[Database, Served]) -> None:
    """They move no more, so the number of those that were shown leads on."""
    _, view = large
    found: list[int] = []
    while rows := (await asked(view, "run", id=1, offset=len(found)))["visits"]:
        found += [row["task_id"] for row in rows]
    assert len(found) == len(set(found)) > 2 * run.VISITS


@pytest.mark.parametrize(
    ("path", "row", "rows"),
    [
        ("/runs?crawl=crawl-7&show=completed", r'class="nm" href="/runs/(\d+)"', 4),
        ("/runs", r'class="nm" href="/runs/(\d+)"', 2_000),
        ("/invocations?lane=default&status=succeeded", r'<code title="([0-9a-f-]{36})">', 1_597),
    ],
)
async def test_the_links_of_a_list_lead_through_all_of_it(
    large: tuple[Database, Served], path: str, row: str, rows: int
) -> None:
    """Each row once, with what was asked for kept; the last part has no link that leads on."""
    _, view = large
    found: list[str] = []
    link: str | None = path
    while link:
        text = (await view.get(link)).text
        assert len(found) <= rows, "a list goes round"
        part = re.findall(row, text)
        assert part, f"{link} leads to an empty part"
        found += part
        more = re.search(r'<p class="more"><a href="([^"]+)">Earlier', text)
        link = more[1].replace("&amp;", "&") if more else None
    assert len(found) == len(set(found)) == rows
