"""What a person sees of a lane's orchestrator: how an invocation was asked for, and one machine's own way."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from trapline.commands.config import config
from trapline.render.tables.tasks import invocation_table
from trapline_common.domain.via import Via
from trapline_common.ledger.views.invocations import InvocationRow

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WAVE = UUID("0f6a1f9c-2f0e-4a43-8a51-8c0a6f7d2b11")
ROW = InvocationRow(
    id=UUID("5b1f3f0e-6c1d-4f7e-9d61-2f4f5c7b8a90"),
    lane="bulk",
    slot=1,
    status="running",
    hop=0,
    asks=1,
    created_at=NOW,
    asked_at=NOW,
    pending_at=NOW,
    ready_at=NOW,
    running_at=NOW,
    heartbeat_at=NOW,
    ended_at=None,
    request_id="request",
    place="somewhere",
    reason=None,
    detail=None,
    duplicates=0,
    stale=0,
    leased=2,
    via=Via.EVENT,
    wave=None,
)
MAPPED = replace(ROW, via=Via.MAP, wave=WAVE)


def test_the_way_is_shown_where_one_is_not_our_own() -> None:
    """A table of Invokes alone looks as before; beside a wave's row each says how it was asked for, and by which."""
    columns, rows = invocation_table([ROW], NOW)
    assert "VIA" not in [column.title for column in columns]
    columns, rows = invocation_table([ROW, MAPPED], NOW)
    titles = [column.title for column in columns]
    place = titles.index("VIA")
    assert titles[place - 1 : place + 3] == ["STATE", "VIA", "WAVE", "ASKED"]
    assert [row[place : place + 2] for row in rows] == [("event", ""), ("map", "0f6a1f9c")]
    assert {len(row) for row in rows} == {len(columns)}


@pytest.mark.parametrize(("lane", "said"), [("{}", False), ("{orchestrator: step_functions}", True)])
def test_config_says_what_one_machine_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lane: str, said: bool
) -> None:
    """The printed file keeps the orchestrator of a deployment; the note is apart from it, and only where it matters."""
    file = tmp_path / "crawls.yaml"
    file.write_text(f"lanes: {{a: {lane}}}\ncrawls: {{c: {{urls: [https://a.example/], lane: a}}}}")
    config(file, json=False, check=False, schema=False, data_dir=tmp_path)
    printed = capsys.readouterr()
    assert ("on one machine every lane is `self`" in printed.err) is said
    assert ("orchestrator: step_functions" in printed.out) is said
