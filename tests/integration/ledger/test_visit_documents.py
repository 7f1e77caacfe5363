"""A visit's result travels as documents: each key fills the column of its name, and a new field needs no more."""

import json

from support.ledger import one_ready, open_run, urls, value
from trapline_common.alerts.page_state import PageState, PageUpdate, Verdict
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.observation import Observation
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.visit_documents import observation_document, page_document

URL = urls(1)[0]
SET_BY_THE_LEDGER = {"id", "task_id", "position", "run_id", "page_id", "observed_at"}
COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = 'trapline.observation'::regclass AND attnum > 0 AND NOT attisdropped
"""


def _documents() -> tuple[dict[str, object], dict[str, object]]:
    page = PageState(page_id=PageId(1), url=URL, version=0)
    update = PageUpdate(
        baseline=True, baseline_run=RunId(1), fingerprint="fp", judged_run=RunId(1), failures=0, alerted=False
    )
    found, verdict = Observation(url=URL, text="x", content_hash="hash"), Verdict(update=update)
    return page_document(found, page, verdict), observation_document(found, page, verdict)


async def test_every_key_has_its_column(database: Database) -> None:
    """A key without a column would be dropped in silence, and a column without a key would stay empty."""
    columns = {row["attname"] for row in await database.connection.fetch(COLUMNS)}
    _, visit = _documents()
    assert set(visit) == columns - SET_BY_THE_LEDGER


async def test_a_new_field_needs_a_column_and_no_other_change_of_the_ledger(database: Database) -> None:
    """A column that a migration adds is filled by the key of its name, on connections that were open before it too.

    Until then the key is dropped; a crawler that sends none leaves the column NULL.
    """
    statement = load("tasks")["complete_visit"]
    await open_run(database, urls(3))
    held = await one_ready(database)
    row, visit = _documents()
    step = json.dumps({"status": "done", "position": 0, "failed_pages": 0})
    for task in await tasks.lease_share(database, held, share=3, another=False):
        assert task.page is not None
        number = int(task.url[-1])
        document = visit | {"url": task.url} | ({"weather": "rain"} if number < 2 else {})
        lease = (task.lease.task_id, task.lease.seq, task.lease.invocation_id)
        page = (task.page.page_id, task.page.version, json.dumps(row))
        assert await database.fetchval(statement, *lease, step, None, *page, json.dumps(document), None) == "ok"
        await database.connection.execute("ALTER TABLE trapline.observation ADD COLUMN IF NOT EXISTS weather text")
    assert await value(database, "SELECT array_agg(weather ORDER BY id) FROM trapline.observation") == [
        None,
        "rain",
        None,
    ]
    assert await value(database, "SELECT count(*) FROM trapline.observation WHERE text = 'x'") == 3
