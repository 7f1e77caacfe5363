"""Which alerts are due, worked out from what the visits found and not from the outbox."""

from typing import Any

import asyncpg

OBSERVATIONS = """
    SELECT o.page_id, o.run_id, o.changed, o.reason
    FROM trapline.observation o JOIN trapline.run r ON r.id = o.run_id AND r.crawl <> 'attic' ORDER BY o.page_id, o.id
"""
ENDED = "SELECT id FROM trapline.run WHERE status = 'ended' AND crawl <> 'attic'"

Cause = tuple[str, int, int | None]
"""Kind, run and page."""


async def due_alerts(connection: "asyncpg.Connection[Any]") -> set[Cause]:
    """Return one cause for each page that began to fail, changed or is good again, and for each run that ended.

    Every crawl of the storm tells of the first failure, and never reminds.
    """
    due: set[Cause] = {("summary", row["id"], None) for row in await connection.fetch(ENDED)}
    failing: set[int] = set()
    for row in await connection.fetch(OBSERVATIONS):
        page, run = row["page_id"], row["run_id"]
        if row["reason"] is not None:
            if page not in failing:
                due.add(("failure", run, page))
            failing.add(page)
            continue
        if page in failing:
            due.add(("recovery", run, page))
            failing.discard(page)
        if row["changed"]:
            due.add(("change", run, page))
    return due
