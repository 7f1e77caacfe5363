import os
import signal

from support.command import Trapline, finish
from support.processes import crawlers, eventually
from tests.e2e.counting_site import CountingSite

CONFIG = """
lanes: {{default: {{max_invocations: 2, tasks_per_invocation: 1, pages_in_flight: 1}}}}
crawls:
  docs: {{urls: {urls}, settle: 0, timeout: 60s}}
"""
STATUS = "SELECT status::text FROM trapline.invocation WHERE place LIKE '%:' || {pid} || ':%'"


def test_a_stalled_crawler_writes_and_opens_nothing_when_it_wakes_up(command: Trapline, site: CountingSite):
    """A crawler stopped past its time loses its task to another; continued, it ends before it does anything more."""
    command.environ |= {"TRAPLINE_HEARTBEAT": "0.3", "TRAPLINE_HEARTBEAT_TTL": "4"}
    config = command.config(CONFIG.format(urls=site.pages(3)))
    with command.start("crawl", config, "--json", "--max-invocations", "2") as process, command.ledger() as ledger:
        ledger.until_tables()
        with site.hold("/p/2"):  # keeps the command at work until the stalled crawler has woken up
            with site.hold("/p/0"):
                holder = (
                    "SELECT max(place) FROM trapline.invocation i JOIN trapline.task t ON t.invocation_id = i.id "
                    "WHERE t.url LIKE '%/p/0' AND t.started_at IS NOT NULL"
                )
                ledger.until(holder, lambda process_name: process_name is not None)
                eventually(lambda: site.visits("/p/0"), bool)
                zombie = int(ledger.value(holder).split(":")[2])
                assert zombie in crawlers(process.pid)
                os.kill(zombie, signal.SIGSTOP)
            # Its page is loaded now, but it can't say so; others can, and do.
            ledger.until(STATUS.format(pid=zombie), lambda status: status == "orphaned")
            ledger.until("SELECT max(status)::text FROM trapline.task WHERE url LIKE '%/p/0'", lambda s: s == "done")
            opened = [site.visits(f"/p/{number}") for number in range(3)]
            os.kill(zombie, signal.SIGCONT)
            eventually(lambda: zombie in crawlers(process.pid), lambda lives: not lives, within=2)
            assert [site.visits(f"/p/{number}") for number in range(3)] == opened
            assert ledger.value("SELECT max(stale) FROM trapline.invocation") == 0
        done = finish(process)
        assert done.code == 0, done.err
        assert done.json["runs"][0]["tasks"] == {"done": 3, "failed": 0}
        assert ledger.value("SELECT count(*)::int FROM trapline.observation") == 3
        assert ledger.value("SELECT max(lease_seq) FROM trapline.task WHERE url LIKE '%/p/0'") == 2
        assert ledger.value(STATUS.format(pid=zombie)) == "orphaned"
    command.until_no_browser()
