"""A visit's result is written as it was found: each field of an observation has its key and its column."""

import json
from dataclasses import fields, replace

from support.ledger import complete, failure, one_ready, open_run, urls
from trapline_common.alerts.page_state import PageUpdate, Verdict
from trapline_common.domain.observation import Observation, Reason, Timings
from trapline_common.domain.picture import Picture, PictureOutcome, PictureVerdict
from trapline_common.domain.picture_json import read_picture
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query
from trapline_common.ledger.visit_arguments import visit_document

COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = 'trapline.observation'::regclass AND attnum > 0 AND NOT attisdropped
"""
FILLED_FROM_ELSEWHERE = {"id", "task_id", "position", "run_id", "page_id", "observed_at", "accepted"}
OF_THE_PAGE = {"page_visual"}
"""Keys that fill columns of the page's row."""
WHOLE = Observation(
    url=urls(1)[0],
    final_url="https://site.example/elsewhere",
    status=503,
    redirects=2,
    timings=Timings(dns=1.5, load=float("nan"), total=190.25),
    size=9_000_000_000,
    title='A "title" \\u0000 with \x00 and \ud800',
    text="Line one\nLine two \x00",
    fields={"price": "$1", "gone": None},
    content_hash="hash",
    console_errors=3,
    screenshot="ab/abc.png",
    html="cd/cde.html",
    failure=failure(Reason.BLOCKED, "status 503\x00"),
    retry_after=7.0,
    note="cut",
    picture=Picture(width=640, height=1200, scale=2.0, browser="141", made="of settings", problem="none"),
    language="de",
)
"""No field has its default, so that each that is lost on its way shows."""


async def test_every_key_has_its_column(database: Database) -> None:
    """A key without a column would be lost in silence, and a column without a key would stay empty."""
    columns = {row["attname"] for row in await database.connection.fetch(COLUMNS)}
    update = PageUpdate(baseline=False, baseline_run=None, fingerprint=None, judged_run=None, failures=0, alerted=False)
    judged = PictureVerdict(outcome=PictureOutcome.FAILED, page=None, reason="none")
    document = visit_document(WHOLE, Verdict(update=update, picture=judged), new_content=True)
    assert set(document) - OF_THE_PAGE == columns - FILLED_FROM_ELSEWHERE


async def test_every_field_is_stored_as_it_was_found(database: Database) -> None:
    """One visit with no default in it is read back whole; what Postgres can't hold became U+FFFD, or is left out."""
    blank = Observation(url="")
    assert all(getattr(WHOLE, field.name) != getattr(blank, field.name) for field in fields(Observation))
    await open_run(database, urls(1))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    await complete(database, task, observation=WHOLE)
    row = await database.connection.fetchrow("SELECT *, timings::text, fields::text FROM trapline.observation")
    assert row is not None
    assert WHOLE.picture is not None
    assert read_picture(json.loads(row["picture"])) == WHOLE.picture
    found = {name: item for name, item in dict(row).items() if name not in {"id", "observed_at", "task_id", "picture"}}
    assert found == {
        "position": 0,
        "run_id": task.run_id,
        "page_id": 1,
        "url": WHOLE.url,
        "final_url": "https://site.example/elsewhere",
        "status": 503,
        "redirects": 2,
        "timings": '{"dns": 1.5, "total": 190.25}',
        "size": 9_000_000_000,
        "title": 'A "title" \\u0000 with \ufffd and \ufffd',
        "text": "Line one\nLine two \ufffd",
        "fields": '{"gone": null, "price": "$1"}',
        "content_hash": "hash",
        "changed": False,
        "console_errors": 3,
        "screenshot": "ab/abc.png",
        "html": "cd/cde.html",
        "reason": "blocked",
        "detail": "status 503\ufffd",
        "accepted": False,
        "note": "cut",
        "visual": None,
    }


class _Newer(Database):
    """A crawler whose visits have a key that this schema knows nothing of."""

    async def fetchval(self, query: Query, *args: object) -> object:
        """Add the key."""
        if query.name == "complete_visit":
            *before, visit, alerts = args
            args = (*before, str(visit).replace("{", '{"weather": "rain", ', 1), alerts)
        return await super().fetchval(query, *args)


async def test_a_key_that_the_schema_does_not_know_is_left_out(dsn: str) -> None:
    """Services deploy in any order: a newer crawler's result is written all the same."""
    async with await _Newer.connect(dsn) as newer:
        await open_run(newer, urls(1))
        held = await one_ready(newer)
        (task,) = await tasks.lease_share(newer, held, share=1, another=False)
        await complete(newer, task, observation=replace(WHOLE, failure=None))
        assert await newer.connection.fetchval("SELECT status::text FROM trapline.task") == "done"
