"""Commands that read: tables by their content, JSON by its shape."""

import csv
import io
import json

import pytest

from support.postgres import as_role
from trapline_common.ledger.connection import Database

from .conftest import FIRST, HOSTILE, SECOND, URLS, Stage, Trapline


@pytest.fixture
def login(dsn: str) -> str:
    """Log in as the operator function does on AWS: reading needs no more."""
    return as_role(dsn, "trapline_operator")


async def test_runs_lists_newest_first_with_progress(trapline: Trapline, stage: Stage) -> None:
    """``runs`` shows every run, newest first: the open one's progress, the ended ones' failures and changes."""
    ran = await trapline("runs")
    header, *lines = ran.out.splitlines()
    assert header.split() == ["RUN", "CRAWL", "STATE", "OPENED", "TOOK", "TASKS", "DONE", "FAILED", "CHANGED"]
    assert [line.split()[:3] for line in lines] == [
        [str(stage.open), "docs", "open"],
        [str(stage.second), "shop", "completed"],
        [str(stage.first), "shop", "completed"],
    ]
    assert lines[0].split()[3] == "25%"
    assert lines[1].split()[-4:] == ["3", "2", "1", "1"]
    assert ran.code == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--crawl", "shop"), [2, 1]),
        (("--failed", "--limit", "1"), [2]),
        (("--status", "open"), [3]),
        (("--status", "completed", "--lane", "default"), [2, 1]),
        (("--lane", "polite"), []),
    ],
)
async def test_runs_filters(trapline: Trapline, stage: Stage, options: tuple[str, ...], expected: list[int]) -> None:
    """Each filter of ``runs`` keeps exactly the runs it says."""
    assert [run["id"] for run in (await trapline("runs", "--json", *options)).json["runs"]] == expected


async def test_json_times_are_utc(trapline: Trapline, stage: Stage) -> None:
    """JSON has times in ISO 8601 UTC, wherever the machine is."""
    run = (await trapline("runs", "--json")).json["runs"][0]
    assert run["created_at"].endswith("Z")
    assert run["ended_at"] is None


async def test_tables_have_local_time_with_its_zone(trapline: Trapline, stage: Stage) -> None:
    """People read their own time, with its zone (the tests' machine is in Chicago)."""
    assert " CST" in (await trapline("runs")).out or " CDT" in (await trapline("runs")).out


async def test_status_says_what_needs_attention(trapline: Trapline, stage: Stage) -> None:
    """``status`` leads with what needs a person, then shows open runs, last runs, failing pages and lanes."""
    ran = await trapline("status")
    assert ran.out.splitlines()[0] == "1 thing needs attention"
    assert "1 page fails" in ran.out
    for section in ("Open runs", "Last run of each crawl", "Failing pages", "Lanes"):
        assert section in ran.out.splitlines()
    assert URLS[2] in ran.out
    assert ran.code == 0
    assert (await trapline("status", "--check")).code == 1


async def test_status_json_holds_the_same(trapline: Trapline, stage: Stage) -> None:
    """``status --json`` carries problems, lanes with their load, runs, failing pages and the outbox."""
    status = (await trapline("status", "--json")).json
    assert len(status["problems"]) == 1
    lane = status["lanes"][0]
    assert {key: lane[key] for key in ("name", "waiting", "leased", "idle", "running", "stalled")} == {
        "name": "default",
        "waiting": 2,
        "leased": 1,
        "idle": 0,
        "running": 1,
        "stalled": 0,
    }
    assert [run["id"] for run in status["open_runs"]] == [stage.open]
    assert [(last["run"]["id"], last["skipped_since"]) for last in status["last_runs"]] == [(stage.second, 0)]
    assert [(page["url"], page["failures"], page["run_id"]) for page in status["failing"]] == [
        (URLS[2], 2, stage.second)
    ]
    assert status["alerts"]["due"] == 2


async def test_show_tells_failures_changes_and_alerts(trapline: Trapline, stage: Stage, database: Database) -> None:
    """``show`` has the run's counts, failures with their reasons, changed pages, alerts by kind, and who waits."""
    waiting = "arn:aws:states:eu-central-1:123456789012:execution:prod-run:nightly"
    await database.connection.execute(
        "INSERT INTO trapline.waiter (run_id, token, execution) VALUES ($1, 'secret', $2)", stage.second, waiting
    )
    ran = await trapline("show", str(stage.second))
    assert "tasks      2 done, 1 failed" in ran.out
    assert "http_status: 500" in ran.out
    assert URLS[1] in ran.out
    assert "1 change due" in ran.out
    assert waiting in ran.out
    shown = (await trapline("show", str(stage.second), "--json")).json
    assert shown["id"] == stage.second
    assert [item["url"] for item in shown["failures"]] == [URLS[2]]
    assert [item["url"] for item in shown["changes"]] == [URLS[1]]
    assert shown["config"]["extract"] == {"price": ".price"}
    assert shown["totals"]["pages"] == 3
    assert shown["executions"] == [waiting]
    assert "secret" not in str(shown)


async def test_tasks_filters_and_reasons(trapline: Trapline, stage: Stage) -> None:
    """``tasks`` filters by run, status and URL, and carries each failure's reason."""
    failed = (await trapline("tasks", "--run", str(stage.second), "--failed", "--json")).json["tasks"]
    assert [(task["url"], task["status"]) for task in failed] == [(URLS[2], "failed")]
    assert (failed[0]["reason"], failed[0]["detail"].split()[0]) == ("http_status", "500")
    waiting = (await trapline("tasks", "--crawl", "docs", "--status", "created", "--json")).json["tasks"]
    assert len(waiting) == 2
    assert len((await trapline("tasks", "--url", "lamp", "--json")).json["tasks"]) == 2
    assert "https://docs.example/3" in (await trapline("tasks", "--limit", "1")).out


async def test_invocations_by_run_and_state(trapline: Trapline, stage: Stage) -> None:
    """``invocations`` shows the active ones with the tasks they hold, and those of a run."""
    active = (await trapline("invocations", "--active", "--json")).json["invocations"]
    assert [(found["status"], found["leased"]) for found in active] == [("running", 1)]
    assert [(found["via"], found["wave"]) for found in active] == [("event", None)]
    of_run = (await trapline("invocations", "--run", str(stage.first), "--json")).json["invocations"]
    assert [found["status"] for found in of_run] == ["succeeded"]
    assert (await trapline("invocations", "--failed", "--json")).json == {"invocations": []}


async def test_diff_shows_text_and_fields(trapline: Trapline, stage: Stage) -> None:
    """``diff`` shows the last accepted change as a unified diff, and the fields that differ."""
    ran = await trapline("diff", URLS[1])
    lines = ran.out.splitlines()
    assert "-40 Euro" in lines
    assert "+35 Euro" in lines
    assert "field price  40 -> 35" in lines
    assert f"run {stage.first}," in ran.out
    change = (await trapline("diff", URLS[1], "--json")).json["change"]
    assert (change["baseline_run"], change["run_id"]) == (stage.first, stage.second)
    assert change["fields"] == [{"name": "price", "old": "40", "new": "35"}]


async def test_diff_of_an_unchanged_page(trapline: Trapline, stage: Stage) -> None:
    """A page that never changed has no diff: a line on standard error, ``null`` in JSON, exit 0."""
    ran = await trapline("diff", URLS[0])
    assert (ran.code, ran.out) == (0, "")
    assert "no change" in ran.err
    assert (await trapline("diff", URLS[0], "--json")).json["change"] is None


async def test_export_ndjson_holds_every_text(trapline: Trapline, stage: Stage) -> None:
    """Each observation is one JSON line with its text, also where the ledger keeps that text with an earlier one."""
    rows = [json.loads(line) for line in (await trapline("export", str(stage.second))).out.splitlines()]
    assert [(row["url"], row["text"]) for row in rows] == [(URLS[0], "list"), (URLS[1], SECOND), (URLS[2], None)]
    assert rows[1]["fields"] == {"price": "35"}
    first = [json.loads(line) for line in (await trapline("export", str(stage.first))).out.splitlines()]
    assert first[1]["text"] == FIRST


async def test_export_csv_flattens_fields(trapline: Trapline, stage: Stage) -> None:
    """In CSV each extracted field and timing is a column, and multi-line texts survive."""
    out = (await trapline("export", str(stage.second), "--format", "csv")).out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows[1]["field_price"] == "35"
    assert rows[1]["text"] == SECOND
    assert rows[1]["ms_total"] == "150.0"
    assert (rows[1]["changed"], rows[0]["changed"]) == ("true", "false")


async def test_nothing_a_page_wrote_reaches_the_terminal_as_it_is(trapline: Trapline, stage: Stage) -> None:
    """Escape sequences, direction marks and bells of a page are shown as U+FFFD; its brackets stay brackets."""
    for arguments in (
        ("tasks",),
        ("status",),
        ("show", str(stage.second)),
        ("diff", URLS[1]),
        ("show", str(stage.second), "--json"),
        ("tasks", "--json"),
        ("diff", URLS[1], "--json"),
    ):
        ran = await trapline(*arguments)
        assert ran.code == 0, ran.err
        assert not set("\x1b\x07\u202e") & set(ran.out), arguments
        assert "[bold]markup[/bold]" in ran.out, arguments
    assert "\x1b" in HOSTILE


async def test_piped_tables_are_plain_and_whole(trapline: Trapline, stage: Stage) -> None:
    """A table that is piped has no ANSI code and is cut nowhere, however long a URL is."""
    url = "https://docs.example/" + "long/" * 60
    assert (await trapline("add", str(stage.open), url)).code == 0
    out = (await trapline("tasks")).out
    assert url in out
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


async def test_diff_ignores_a_late_result(trapline: Trapline, stage: Stage, database: Database) -> None:
    """What an older run found after a newer one was judged is no baseline: ``diff`` compares the accepted ones."""
    await database.connection.execute(
        """
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, redirects, timings, text, fields,
            content_hash, changed, console_errors)
        SELECT -1, 0, $2, p.id, p.url, 0, '{}', 'late', '{}', 'late', false, 0
        FROM trapline.page p WHERE p.crawl = 'shop' AND p.url = $1
        """,
        URLS[1],
        stage.first,
    )
    await database.connection.execute(
        """
        INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, redirects, timings, text, fields,
            content_hash, changed, console_errors)
        SELECT -2, 0, $2, p.id, p.url, 0, '{}', 'newest', '{}', 'newest', true, 0
        FROM trapline.page p WHERE p.crawl = 'shop' AND p.url = $1
        """,
        URLS[1],
        stage.open,
    )
    change = (await trapline("diff", URLS[1], "--json")).json["change"]
    assert (change["baseline_run"], change["run_id"]) == (stage.second, stage.open)
    assert "-35 Euro" in change["diff"].splitlines()
