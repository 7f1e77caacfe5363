"""Pages of which nobody wants to hear: half of the shop's are muted before the storm, until after it."""

from typing import Any

import asyncpg

from tests.storm.pages import eventful
from tests.storm.world import World

MUTE = """
    WITH page AS (
        INSERT INTO trapline.page (crawl, url) SELECT 'shop', u FROM unnest($1::text[]) AS u RETURNING id
    )
    INSERT INTO trapline.mute (crawl, page_id, kinds, reason, acted_by, until)
    SELECT 'shop', page.id, '{failure,change,recovery,summary}', 'storm', 'storm', now() + interval '1 day' FROM page
"""
MUTED = "SELECT page_id FROM trapline.mute WHERE page_id IS NOT NULL"
TOLD = """
    SELECT count(*)::int AS alerts, count(*) FILTER (WHERE a.status <> 'muted' OR EXISTS (
        SELECT FROM trapline.delivery d WHERE d.alert_id = a.id))::int AS told
    FROM trapline.alert a WHERE a.page_id IN (SELECT m.page_id FROM trapline.mute m)
"""


async def hush(connection: "asyncpg.Connection[Any]", world: World) -> None:
    """Mute those that fail or change soonest by lot, so that there is something to keep back in a small storm too.

    The runs find the pages' rows there.
    """
    pages = sorted(world.config(1).crawls["shop"].urls, key=eventful)
    await connection.execute(MUTE, pages[: len(pages) // 2])


async def muted_pages(connection: "asyncpg.Connection[Any]") -> set[int]:
    """Return the pages of which nobody may hear."""
    return {row["page_id"] for row in await connection.fetch(MUTED)}


async def told(connection: "asyncpg.Connection[Any]") -> tuple[int, int]:
    """Return how many alerts about muted pages were written, and how many of them were to be told to somebody."""
    row = await connection.fetchrow(TOLD)
    assert row is not None, "an aggregate always has a row"
    return row["alerts"], row["told"]
