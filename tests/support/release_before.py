"""The release before this one, as the ledger sees it: its SQL word for word, and its completion of a visit."""

import json
from collections.abc import Sequence
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query

RETRY = """
UPDATE trapline.task SET status = 'created', attempts = attempts + 1, run_at = now() + make_interval(secs => $5),
    started_at = NULL, reason = $4
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id
"""
PUT_OFF = """
UPDATE trapline.task SET status = 'created', run_at = now() + make_interval(secs => $4), started_at = NULL, reason = $5
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id
"""
RESCUE_ONE = """
UPDATE trapline.task SET status = 'created', rescues = rescues + 1, run_at = now(), started_at = NULL, reason = $4
WHERE id = $1 AND lease_seq = $2 AND invocation_id = $3 AND status = 'leased' RETURNING id
"""
CANCEL_TASKS = """
UPDATE trapline.task SET status = 'failed', ended_at = now(), started_at = NULL, reason = 'cancelled'
WHERE run_id = $1 AND ended_at IS NULL AND status IN ('created', 'leased') RETURNING id
"""
REASONS = """
SELECT coalesce(split_part(t.reason, ':', 1), '') AS reason, count(*)::int AS tasks, min(t.url) AS example
FROM trapline.task t
WHERE t.run_id = $1 AND t.status = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1
"""
FAIL_OWN = """
UPDATE trapline.invocation SET status = 'failed', ended_at = now(), reason = $3
WHERE id = $1 AND owner = $2 AND status IN ('ready', 'running') RETURNING id
"""
READ_SESSION = """
SELECT version, binding, state, problem, screenshot,
    extract(epoch FROM now() - refreshed_at)::double precision AS age,
    extract(epoch FROM now() - tried_at)::double precision AS since_tried
FROM trapline.session WHERE crawl = $1
"""
KEEP_SESSION = """
UPDATE trapline.session SET version = version + 1, binding = $4, state = $5, refreshed_at = now(), tried_at = now(),
    problem = NULL, screenshot = NULL, holder = NULL, held_until = NULL
WHERE crawl = $1 AND holder = $2 AND version = $3 RETURNING version
"""
REFUSE_SESSION = """
UPDATE trapline.session SET version = version + 1, binding = $4, state = NULL, refreshed_at = NULL, tried_at = now(),
    problem = $5, screenshot = $6, holder = NULL, held_until = NULL
WHERE crawl = $1 AND holder = $2 AND version = $3 RETURNING version
"""
COMPLETE_VISIT = f"SELECT trapline.complete_visit({', '.join(f'${n}' for n in range(1, 40))})"
COMPLETE_VISIT_BEFORE_NOISE = f"SELECT trapline.complete_visit({', '.join(f'${n}' for n in range(1, 37))})"
"""What a crawler sent that did not know of ``confirm_after`` and ``remember``."""


def arguments(new: Sequence[Any], crawl: str) -> list[Any]:
    """Return what the release before would have sent in place of ``new``, the arguments of ``tasks.complete_visit``."""
    task, fence, holder, step, page, version, verdict, visit_text, alerts = new
    status, position, failed_pages, checkpoint, reason, detail = step
    *update, candidate, seen, earlier = verdict
    visit = json.loads(visit_text)
    why = ": ".join(part for part in (reason, detail) if part) or None
    return [
        *(task, fence, holder, status, position, failed_pages, checkpoint, why),
        *(page, version, *update),
        *(visit[key] for key in ("url", "final_url", "status", "redirects")),
        json.dumps(visit["timings"]),
        *(visit["size"], visit["title"], visit.get("text")),
        json.dumps(visit["fields"]),
        *(
            visit[key]
            for key in ("content_hash", "changed", "console_errors", "screenshot", "html", "reason", "detail")
        ),
        *(crawl, alerts, candidate, seen, earlier),
    ]


class DatabaseOfReleaseBefore(Database):
    """Completes visits as the release before did; all else as this one does."""

    async def fetchval(self, query: Query, *args: object) -> object:
        """Send the older call in place of this release's."""
        if query.name == "complete_visit":
            return await super().fetchval(Query("complete_visit", COMPLETE_VISIT), *arguments(args, "docs"))
        return await super().fetchval(query, *args)


class DatabaseBeforeNoise(DatabaseOfReleaseBefore):
    """Completes visits as a crawler did that knew nothing of noise."""

    async def fetchval(self, query: Query, *args: object) -> object:
        """Send the oldest call that the function takes."""
        if query.name == "complete_visit":
            old = Query("complete_visit", COMPLETE_VISIT_BEFORE_NOISE)
            return await Database.fetchval(self, old, *arguments(args, "docs")[:36])
        return await super().fetchval(query, *args)
