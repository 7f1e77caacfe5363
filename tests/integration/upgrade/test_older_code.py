"""Older code on a newer schema: the last release's services work on a database that this release migrated."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from support import last_release as release
from support.last_release import environment
from tools.shell import ROOT
from trapline_common.ledger.connection import Database

OLD = 9
"""The newest migration of the last release."""
SCRIPT = ROOT / "tests/integration/upgrade/older_code.py"


async def run(code: Path, dsn: str) -> dict[str, object]:
    """Run the script under the code of the release in ``code``, and return what it found."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), dsn, str(OLD)),
        env=environment(code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, err.decode()
    found: dict[str, object] = json.loads(out.decode().splitlines()[-1])
    return found


async def test_the_last_releases_services_work_on_todays_schema(
    dsn: str, database: Database, last_release: Path
) -> None:
    """Under today's roles and grants they open, lease, complete, fail, retry, rescue, alert, send, cancel and end."""
    found = await run(last_release, dsn)
    runs = await database.connection.fetch(
        "SELECT outcome::text, tasks_done, tasks_failed FROM trapline.run ORDER BY id"
    )
    assert [tuple(row) for row in runs] == [("completed", 3, 1), ("completed", 3, 1), ("cancelled", 0, 4)]
    kinds = await database.connection.fetch("SELECT kind FROM trapline.alert WHERE status = 'sent' ORDER BY kind")
    assert [row["kind"] for row in kinds] == [
        "change",
        "failure",
        "failure",
        "recovery",
        "summary",
        "summary",
        "summary",
    ]
    assert found["sent"] == len(kinds)
    assert await database.connection.fetchval("SELECT count(*) FROM trapline.task WHERE ended_at IS NULL") == 0


def test_a_clone_without_the_last_release_gets_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """These tests never skip: a shallow clone fails, with the command that mends it."""
    monkeypatch.setattr(release, "COMMIT", "0" * 40)
    with pytest.raises(AssertionError, match=r"git fetch --unshallow.*fetch-depth: 0"):
        release.unpack(tmp_path)
