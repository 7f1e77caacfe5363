"""``trapline serve``: the real command, its real crawlers and its real Postgres."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

import support.fast_serve
from support.command import Ledger, Trapline, finish, interrupt
from support.processes import alive, descendants, eventually, until_gone
from tests.e2e.counting_site import CountingSite
from trapline_common.config.schedule_times import ticks

SPEED = 150.0
"""An hour takes 24 seconds."""
FILE = """
crawls:
  held: {{urls: ["{held}"], schedule: rate(1 minute), timeout: 5m}}
  queued: {{urls: ["{page}"], schedule: cron(0/20 * * * ? *), overlap: queue, settle: 0}}
  placed: {{urls: ["{page}"], schedule: cron(7/10 * * * ? *), jitter: 3m, settle: 0}}
"""
HOUR, LONGEST = timedelta(hours=1), timedelta(minutes=20)
"""An hour has gone by for a schedule when its last tick is at most its longest step before the end of it."""
SINCE = "SELECT crawl, expression, since FROM trapline.schedule ORDER BY crawl"
RECORDS = """
    SELECT scheduled_for, outcome::text AS outcome, reason FROM trapline.run
    WHERE crawl = $1 ORDER BY id
"""
PAGE = "crawls: {{docs: {{urls: ['{page}'], schedule: rate(1 hour), settle: 0}}}}"
ENDED = "SELECT count(*)::int FROM trapline.run WHERE status = 'ended' AND outcome = 'completed'"


@contextmanager
def serving(command: Trapline, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a command that does not end by itself; it is killed when the block ends before it."""
    process = command.start(*words)
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def seen(view: str, command: Trapline, *, token: str | None = None, host: str | None = None) -> tuple[int, str]:
    """Ask the web view for its first screen, with the token that it keeps; return status and text."""
    kept = (command.data_dir / "web.token").read_text().strip()
    request = urllib.request.Request(view, headers={"Authorization": f"Bearer {token or kept}"})
    if host is not None:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill a command, and wait until nothing that it started is left."""
    below = descendants(process.pid)
    process.kill()
    process.communicate()
    until_gone(pid for pid in below if pid in alive(below))


def test_an_hour_of_ticks_in_which_it_is_killed(command: Trapline, site: CountingSite) -> None:
    """Killed five times in an hour of ticks: each tick of each schedule has one record, a run or a skip."""
    config = command.config(FILE.format(held=f"{site.url}/held", page=f"{site.url}/p/1"))
    fast_command = replace(command, program=(sys.executable, support.fast_serve.__file__))
    began = time.time()
    words = (config, str(began), str(SPEED))
    with site.hold("/held"), command.ledger() as ledger:
        for kills in range(5):
            with serving(fast_command, *words):  # whose end kills it
                ledger.until_tables()  # a busy machine takes its time for the first start
                eventually(lambda: time.time() - began, lambda gone, n=kills: gone > 3.7 * (n + 1), within=60)
        with serving(fast_command, *words) as process:
            ledger.until(ENDED, bool)
            ledger.until(f"SELECT min(recorded_to - since) >= interval '{HOUR - LONGEST}' FROM trapline.schedule", bool)
            eventually(lambda: time.time() - began, lambda gone: gone > HOUR / timedelta(seconds=SPEED), within=60)
            process.terminate()
            done = finish(process)
        assert done.code == 0, done.err
        for row in ledger.rows(SINCE):
            check(ledger, row["crawl"], row["expression"], row["since"])
        outcomes = "SELECT count(DISTINCT coalesce(reason, outcome::text))::int FROM trapline.run"
        assert ledger.value(outcomes) >= 3, "some were missed, some skipped, some completed"
    assert not command.browsers()


def check(ledger: Ledger, crawl: str, expression: str, since: datetime) -> None:
    """Compare the records of a schedule's ticks with its ticks: each has one, in order, and nothing else has any."""
    found = [row["scheduled_for"] for row in ledger.rows(RECORDS, crawl)]
    recorded_to = ledger.value("SELECT recorded_to FROM trapline.schedule WHERE crawl = $1", crawl)
    last = max(recorded_to, found[-1])  # it was stopped between a record and the note of it, perhaps
    first = since - timedelta(microseconds=1)
    expected = takewhile(lambda tick: tick <= last, ticks(expression, "UTC", after=first, since=since))
    assert found == list(expected), crawl
    assert found[-1] - since >= HOUR - LONGEST


def test_it_is_there_until_it_is_stopped(command: Trapline, site: CountingSite) -> None:
    """One serves; a second is refused. A changed file counts at once, a broken one does not. Ctrl-C ends in order."""
    page = f"{site.url}/p/1"
    config = command.config(PAGE.format(page=page))
    with serving(command, "serve", config, "--listen", "127.0.0.1:0") as process, command.ledger() as ledger:
        assert process.stdout is not None
        view = process.stdout.readline().split()[2].partition("/enter")[0]
        ledger.until_tables()
        ledger.until(ENDED, lambda ended: ended == 1)
        assert "All is well" in seen(view, command)[1]
        assert (seen(view, command, token="x")[0], seen(view, command, host="evil.example")[0]) == (401, 403)
        second = command.run("serve", config, "--no-web")
        assert second.code == 2
        assert "another `trapline serve` works on this ledger" in second.err
        assert f"process {process.pid}" in second.err

        refused = "SELECT refused FROM trapline.serving"
        command.config("crawls: {docs: {urls: [x]}}")
        said = ledger.until(refused, bool)
        assert said == command.run("config", config).err.strip()
        assert f"{said}; it is refused, and what it said before goes on" in command.run("status").out
        assert "is refused; what it said before goes on" in seen(view, command)[1]
        command.config(PAGE.format(page=page).replace("docs", "more"))
        ledger.until(refused, lambda found: found is None)
        ledger.until(ENDED, lambda ended: ended == 2)
        assert ledger.value("SELECT array_agg(crawl) FROM trapline.schedule") == ["more"]

        with site.hold("/p/1"):
            before = site.visits("/p/1")
            command.config(PAGE.format(page=page).replace("docs", "third"))
            eventually(lambda: site.visits("/p/1"), lambda visits: visits > before, within=60)
            below = descendants(process.pid)
            interrupt(process)
            done = finish(process)
        until_gone(below)
        assert done.code == 0, done.err
        assert ledger.value("SELECT count(*)::int FROM trapline.task WHERE status = 'leased'") == 0
        assert ledger.value("SELECT stopped_at IS NOT NULL FROM trapline.serving")
    assert not command.browsers()
    assert not (command.data_dir / "postgres/postmaster.pid").exists()


def test_it_outlives_its_postgres(command: Trapline, site: CountingSite) -> None:
    """Postgres is killed under it: it starts it again, says so, and opens the runs that are due."""
    config = command.config(PAGE.format(page=f"{site.url}/p/1"))
    with serving(command, "serve", config, "--no-web") as process:
        pid_file = command.data_dir / "postgres/postmaster.pid"
        eventually(lambda: site.visits("/p/1"), bool, within=60)
        postmaster = postmaster_of(pid_file)
        os.kill(postmaster, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
        eventually(lambda: pid_file.exists() and postmaster_of(pid_file) != postmaster, bool, within=60)
        command.config(PAGE.format(page=f"{site.url}/p/2").replace("docs", "more"))
        eventually(lambda: site.visits("/p/2"), bool, within=60)
        process.terminate()
        done = finish(process)
    assert done.code == 0, done.err
    assert "the ledger went away" in done.out
    command.until_no_browser()


def postmaster_of(pid_file: Path) -> int:
    """Return the process that a pid file names; 0 while it is being written."""
    first = pid_file.read_text().split("\n", 1)[0]
    return int(first) if first.isdigit() else 0
