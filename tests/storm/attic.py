"""Old runs for retention to delete while the storm goes on, and recent ones that rely on their texts."""

from collections.abc import Iterator
from random import Random
from typing import Any

import asyncpg

from trapline_common.ledger.retention import Retention

ATTIC = "attic"
"""The crawl, and its lane. It has no task, no alert and no invocation: all the storm's other sums leave it out."""
KEEP = Retention(days=30)
"""What the storm's dispatchers delete; the storm's own runs are minutes old."""
OLD, RECENT, PAGES = 24, 6, 400
"""Runs that ended long ago and lately, and the pages of each: some batches of deletion, over several seconds."""

MAKE = f"""
    SET session_replication_role = replica;  -- the guards would refuse runs that were never anything but ended
    INSERT INTO trapline.lane VALUES ('{ATTIC}', 1, 1, 1, 0);
    INSERT INTO trapline.run (crawl, lane, status, outcome, config, fingerprint, created_at, opened_at, ended_at,
            tasks_done, tasks_failed)
        SELECT '{ATTIC}', '{ATTIC}', 'ended', 'completed', '{{}}', '', at, at, at, 0, 0
        FROM generate_series(1, {OLD + RECENT}) n,
            LATERAL (SELECT now() - make_interval(days => CASE WHEN n <= {OLD} THEN 99 - n ELSE 20 - n / 2 END) AS at) t
        ORDER BY n;
    RESET session_replication_role;
    INSERT INTO trapline.page (crawl, url) SELECT '{ATTIC}', 'http://attic.example/' || n
        FROM generate_series(1, {PAGES}) n ORDER BY n;
"""
BASELINES = f"""
    UPDATE trapline.page p SET baseline_hash = o.content_hash, baseline_text = o.content_hash
    FROM (SELECT DISTINCT ON (page_id) page_id, content_hash FROM trapline.observation ORDER BY page_id, id DESC) o
    WHERE o.page_id = p.id AND p.crawl = '{ATTIC}'
"""
READ = """
    SELECT o.id, o.run_id, coalesce(o.text,
        (SELECT p.baseline_text FROM trapline.page p WHERE p.id = o.page_id AND p.baseline_hash = o.content_hash),
        (SELECT e.text FROM trapline.observation e
         WHERE e.page_id = o.page_id AND e.id < o.id AND e.content_hash = o.content_hash AND e.text IS NOT NULL
         ORDER BY e.id DESC LIMIT 1)) AS text
    FROM trapline.observation o JOIN trapline.run r ON r.id = o.run_id
"""
"""A text as a reader gets it, of each observation whose run is there."""
REMEMBER = f"CREATE TABLE storm.text AS {READ}"
COMPARE = f"""
    WITH now_read AS MATERIALIZED ({READ} WHERE r.crawl = '{ATTIC}'), kept AS (
        SELECT b.text AS before, n.text AS after FROM storm.text b
        JOIN trapline.run r ON r.id = b.run_id LEFT JOIN now_read n ON n.id = b.id)
    SELECT count(*) AS kept, count(*) FILTER (WHERE after IS DISTINCT FROM before) AS lost,
        {OLD + RECENT} - (SELECT count(*) FROM trapline.run r WHERE r.crawl = '{ATTIC}') AS gone
    FROM kept
"""


async def furnish(connection: "asyncpg.Connection[Any]", seed: int) -> None:
    """Write the old and the recent runs, each text once for as long as a page's content stays, and remember all."""
    await connection.execute(MAKE)
    runs = [row[0] for row in await connection.fetch("SELECT id FROM trapline.run ORDER BY id")]
    pages = [row[0] for row in await connection.fetch("SELECT id FROM trapline.page ORDER BY id")]
    columns = (
        "task_id", "position", "run_id", "page_id", "url", "redirects", "timings", "fields", "changed",
        "console_errors", "content_hash", "text",
    )  # fmt: skip
    await connection.copy_records_to_table(
        "observation",
        schema_name="trapline",
        columns=columns,
        records=_observations(Random(f"attic {seed}"), runs, pages),
    )
    await connection.execute(BASELINES)
    await connection.execute(REMEMBER)


def _observations(random: Random, runs: list[int], pages: list[int]) -> Iterator[tuple[object, ...]]:
    """Yield what each run saw of each page: mostly what the one before saw, whose observation then holds the text."""
    last: dict[int, str] = {}
    for run in runs:
        for page in pages:
            found = random.choice("ABC") if page not in last or random.random() < 0.1 else last[page]
            text = None if last.get(page) == found else found
            last[page] = found
            yield (-run * 10_000 - page, 0, run, page, "http://attic.example/", 0, "{}", "{}", False, 0, found, text)


async def compare(connection: "asyncpg.Connection[Any]") -> tuple[int, int, int]:
    """Return how many observations are kept, how many of them have lost their text, and how many runs are gone."""
    row = await connection.fetchrow(COMPARE)
    assert row is not None
    return row["kept"], row["lost"], row["gone"]
