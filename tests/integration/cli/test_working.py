"""Commands that change something: what they write, what they say, and what they refuse."""

import json
import os
from pathlib import Path

import pytest

from support.ledger import open_run, value
from trapline.exit_codes import ExitCode
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.answers import Reaped
from trapline_common.ledger.connection import Database

from .conftest import URLS, Stage, Trapline, environment, execute, names


async def test_add_puts_pages_into_an_open_run_once(trapline: Trapline, stage: Stage, database: Database) -> None:
    """``add`` adds each page once, by its normal form, and says how many were there already."""
    ran = await trapline(
        "add", str(stage.open), "HTTPS://docs.example:443/new", "https://docs.example/new", "https://docs.example/0"
    )
    assert ran.out == f"1 page added to run {stage.open} of docs, 1 was there already\n"
    sql = "SELECT count(*) FROM trapline.task WHERE run_id = $1"
    assert await value(database, sql, stage.open) == 5


async def test_add_reads_standard_input(trapline: Trapline, stage: Stage) -> None:
    """``add RUN -`` takes a URL per line from standard input."""
    stdin = "https://docs.example/a\n\nhttps://docs.example/b\n"
    ran = await trapline("add", str(stage.open), "-", "--json", stdin=stdin)
    assert ran.json == {"run_id": stage.open, "added": 2, "already_there": 0}


async def test_add_gives_no_secret_to_another_origin(trapline: Trapline, stage: Stage, database: Database) -> None:
    """A page of an origin that the run's secrets were not written for is refused by the command as by the message."""
    page = "https://keyed.example/1"
    keyed = CrawlConfig(name="keyed", urls=(page,), headers={"X-Key": "${secret:K}"})
    run = await open_run(database, [page], crawl=keyed)
    ran = await trapline("add", str(run), "https://keyed.example/2", "https://elsewhere.example/3")
    assert ran.code == 2
    assert "https://elsewhere.example/3: the secrets in the crawl's headers and cookies are for" in ran.err
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE run_id = $1", run) == 1
    assert (await trapline("add", str(run), "https://keyed.example/2")).code == 0


async def test_cancel_then_retry(trapline: Trapline, stage: Stage) -> None:
    """``cancel`` ends a run with its tasks failed; ``retry`` opens a new run of exactly these."""
    assert (await trapline("cancel", str(stage.open))).out == f"run {stage.open} of docs cancelled: 3 tasks not done\n"
    ran = await trapline("retry", str(stage.open), "--json")
    new = ran.json["run_id"]
    assert ran.json == {"run_id": new, "retry_of": stage.open, "tasks": 3, "waits_for": None}
    tasks = (await trapline("tasks", "--run", str(new), "--json")).json["tasks"]
    assert sorted(task["url"] for task in tasks) == [f"https://docs.example/{number}" for number in (1, 2, 3)]
    assert f"retries run {stage.open}" in (await trapline("runs")).out
    shown = (await trapline("show", str(stage.open), "--json")).json
    assert {failure["reason"] for failure in shown["failures"]} == {"cancelled"}


async def test_retry_starts_no_invocation(trapline: Trapline, stage: Stage, database: Database) -> None:
    """``retry`` writes the run and leaves the work to the next count: it makes no invocation that would not run."""
    before = await value(database, "SELECT count(*) FROM trapline.invocation")
    assert (await trapline("retry", str(stage.second))).code == 0
    assert await value(database, "SELECT count(*) FROM trapline.invocation") == before


async def test_reap_gives_back_what_a_dead_crawler_held(trapline: Trapline, stage: Stage, database: Database) -> None:
    """``reap`` orphans an invocation whose heartbeats stopped and returns its task; a second one finds nothing."""
    await database.connection.execute(
        "UPDATE trapline.invocation SET heartbeat_at = now() - interval '1 hour' WHERE status = 'running'"
    )
    assert "stopped beating" in (await trapline("status")).out
    ran = await trapline("reap", "--json")
    assert ran.json == Reaped(orphaned=1, returned=1).counts
    again = await trapline("reap")
    assert again.out == "nothing to rescue\n"
    assert "3 tasks wait" in again.err


async def test_reap_deletes_what_was_kept_long_enough(
    trapline: Trapline, stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With days to keep, ``reap`` deletes the older run and says how many rows that were; not set, it keeps all."""
    await database.connection.execute("UPDATE trapline.run SET ended_at = ended_at - interval '8 days' WHERE id = 1")
    await database.connection.execute("UPDATE trapline.alert SET status = 'muted' WHERE run_id = 1")
    assert "deleted" not in (await trapline("reap")).out
    monkeypatch.setenv("TRAPLINE_RETENTION_DAYS", "7")
    assert "rows deleted" in (await trapline("reap")).out
    assert await value(database, "SELECT count(*) FROM trapline.run WHERE id = 1") == 0


async def test_migrate_says_what_it_did(trapline: Trapline) -> None:
    """``migrate`` on a current schema does nothing and says at which version it is."""
    assert (await trapline("migrate", "--json")).json["applied"] == []


async def test_export_to_a_file_is_whole_or_absent(trapline: Trapline, stage: Stage, tmp_path: Path) -> None:
    """``-o FILE`` takes the format from the ending, and leaves nothing beside the file."""
    ran = await trapline("export", str(stage.second), "--no-text", "-o", "run.csv")
    assert (ran.out, ran.err) == ("", "3 observations written to run.csv\n")
    assert (tmp_path / "run.csv").read_text().splitlines()[0].endswith("field_price")
    assert names(tmp_path) == ["run.csv"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("show", "99"), "no run 99; see `trapline runs`"),
        (("export", "99"), "no run 99; see `trapline runs`"),
        (("add", "3", "nonsense"), "URL 1, nonsense: not an absolute URL"),
        (("add", "1", "https://docs.example/x"), "run 1 is completed; pages can only be added to an open run"),
        (("cancel", "1"), "run 1 has ended already"),
        (("retry", "3"), "run 3 has not ended"),
        (("diff", "https://nowhere.example/"), "no page https://nowhere.example/ in any crawl"),
        (("diff", "file:///etc/passwd"), "file:///etc/passwd: file: URLs are not visited"),
        (("export", "1", "-o", "no/such/run.csv"), "no/such/run.csv: can't be written: No such file or directory"),
        (("config", "missing.yaml"), "missing.yaml: no such file"),
    ],
)
async def test_unusable_input_is_refused(
    trapline: Trapline, stage: Stage, arguments: tuple[str, ...], line: str
) -> None:
    """What can't be used is refused with exit 2 and one line that says why, and standard output stays empty."""
    ran = await trapline(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("show", "x"), ("runs", "--status", "bad"), ("runs", "--limit", "0"), ("alert",)]
)
async def test_usage_errors_exit_2(trapline: Trapline, arguments: tuple[str, ...]) -> None:
    """Unusable arguments exit with 2."""
    assert (await trapline(*arguments)).code == 2


async def test_diff_asks_which_crawl(trapline: Trapline, stage: Stage, database: Database) -> None:
    """A URL of several crawls is refused with their names, and ``--crawl`` chooses one."""
    await database.connection.execute("INSERT INTO trapline.page (crawl, url) VALUES ('twin', $1)", URLS[1])
    ran = await trapline("diff", URLS[1])
    assert (ran.code, "(shop, twin)" in ran.err) == (2, True)
    assert (await trapline("diff", URLS[1], "--crawl", "shop")).code == 0


async def test_config_prints_effective_values_and_the_schema(trapline: Trapline, tmp_path: Path) -> None:
    """``config`` fills defaults in, as YAML or JSON; ``--schema`` prints the JSON Schema."""
    (tmp_path / "crawls.yaml").write_text("crawls: {shop: {urls: [https://shop.example]}}\n")
    assert "remind_every: 1d" in (await trapline("config", "crawls.yaml")).out
    assert (await trapline("config", "crawls.yaml", "--json")).json["crawls"]["shop"]["timeout"] == 30.0
    assert (await trapline("config", "--schema")).json["title"] == "crawls.yaml"


async def test_config_that_only_checks_prints_nothing(trapline: Trapline, tmp_path: Path) -> None:
    """``config --check`` says of a good file nothing at all, and of a bad one what is wrong, by line and field."""
    (tmp_path / "crawls.yaml").write_text("crawls: {shop: {urls: [https://shop.example]}}\n")
    for more in ((), ("--json",)):
        good = await trapline("config", "--check", "crawls.yaml", *more)
        assert (good.code, good.out, good.err) == (0, "", "")
    (tmp_path / "bad.yaml").write_text("crawls:\n  shop: {urls: [https://shop.example], watsh: main}\n")
    bad = await trapline("config", "--check", "bad.yaml")
    assert (bad.code, bad.out) == (2, "")
    assert bad.err.startswith("bad.yaml:2: crawls.shop.watsh")


@pytest.mark.parametrize("command", ["status", "runs", "tasks", "invocations"])
async def test_reading_nothing_makes_nothing(command: str, tmp_path: Path) -> None:
    """Without a data directory a read command says that nothing was crawled yet, in JSON too, and makes none."""
    ran = await execute(command, cwd=tmp_path, env=environment())
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("nothing was crawled yet in .trapline")
    as_json = await execute(command, "--json", cwd=tmp_path, env=environment())
    assert as_json.json == (None if command == "status" else {command: []})
    assert not names(tmp_path)


@pytest.mark.parametrize("arguments", [("show", "1"), ("export", "1"), ("cancel", "1"), ("retry", "1"), ("reap",)])
async def test_working_on_nothing_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Without a ledger there is no run to work on: exit 2, and no ledger is made."""
    ran = await execute(*arguments, cwd=tmp_path, env=environment())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("nothing was crawled yet")
    assert not names(tmp_path)


async def test_an_unreachable_database_is_one_line(tmp_path: Path) -> None:
    """A ledger that can't be reached exits with 4 and one line, which holds no password."""
    dsn = "postgresql://user:hunter2@127.0.0.1:1/ledger"
    ran = await execute("runs", cwd=tmp_path, env=environment(DATABASE_URL=dsn))
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("trapline: Postgres: ")
    assert ran.err.count("\n") == 1
    assert "hunter2" not in ran.err


async def test_a_schema_behind_is_not_migrated_by_reading(trapline: Trapline, stage: Stage, database: Database) -> None:
    """A read command leaves an older schema alone and says what to do."""
    await database.connection.execute("DELETE FROM trapline.migration WHERE version > 1")
    ran = await trapline("runs")
    assert (ran.code, ran.out) == (2, "")
    assert "run `trapline migrate`" in ran.err


async def test_alert_test_reaches_the_terminal_and_every_channel(tmp_path: Path) -> None:
    """``alert --test`` shows the alert, tries each channel, and exits with 4 when one fails."""
    alone = await execute("alert", "--test", cwd=tmp_path, env=environment())
    assert (alone.code, "the terminal: sent" in alone.out) == (0, True)
    folder = tmp_path / ".trapline"
    folder.mkdir()
    (folder / "channels.yaml").write_text("hook: json://127.0.0.1:1/\n")
    ran = await execute("alert", "--test", "--json", cwd=tmp_path, env=environment())
    assert ran.code == 4
    assert list(ran.json["channels"]) == ["hook"]
    assert ran.json["channels"]["hook"] is not None


async def test_head_ends_an_export_quietly(dsn: str, stage: Stage, tmp_path: Path) -> None:
    """A reader that has enough (``head``) ends the command without a traceback."""
    import asyncio
    import sys

    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trapline",
        "export",
        str(stage.second),
        cwd=tmp_path,
        env=environment(DATABASE_URL=dsn),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    _, err = await process.communicate()
    assert process.returncode == ExitCode.PIPE_CLOSED
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


async def test_version(trapline: Trapline) -> None:
    """``--version`` prints the distribution's version."""
    ran = await trapline("--version")
    assert ran.out.startswith("trapline 0.")
    assert json.dumps(ran.out)


async def test_retry_is_skipped_while_another_run_is_open(trapline: Trapline, stage: Stage, database: Database) -> None:
    """While another run of the crawl is open the retry is recorded as skipped, and the command exits with 3."""
    shop = CrawlConfig(name="shop", urls=URLS)
    opened = await open_run(database, list(URLS), crawl=shop)
    ran = await trapline("retry", str(stage.second), "--json")
    assert (ran.code, ran.json["tasks"], ran.json["waits_for"]) == (3, None, opened)
    assert f"run {opened} of the same crawl is still open" in ran.err


async def test_the_embedded_ledger_is_made_by_migrate_and_then_read(tmp_path: Path) -> None:
    """Without ``DATABASE_URL`` commands work on the embedded Postgres of the data directory, once it is there."""
    here = environment(TRAPLINE_DATA_DIR="data")
    made = await execute("migrate", cwd=tmp_path, env=here)
    assert made.out.startswith("applied 0001_ledger\n")
    assert names(tmp_path) == ["data"]
    ran = await execute("status", "--json", cwd=tmp_path, env=here)
    assert (ran.json["problems"], ran.json["lanes"]) == ([], [])
    assert (await execute("show", "1", cwd=tmp_path, env=here)).err == "no run 1; see `trapline runs`\n"
