import os
import signal
from urllib.parse import urlsplit

from support.command import Ledger, Trapline, finish
from support.processes import alive, crawlers, descendants, until_gone
from tests.e2e.counting_site import CountingSite

PAGES = 200
ENDED = "SELECT count(*)::int FROM trapline.task WHERE status IN ('done', 'failed')"
CONFIG = """
lanes: {{default: {{tasks_per_invocation: 20, pages_in_flight: 2}}}}
crawls:
  docs:
    urls: {urls}
    settle: 0
    isolation: crawl
"""


def check_whole(ledger: Ledger) -> None:
    """One run, every task done, one observation each."""
    assert ledger.rows(
        "SELECT status::text, tasks_done, tasks_failed FROM trapline.run WHERE outcome <> 'skipped'"
    ) == [{"status": "ended", "tasks_done": PAGES, "tasks_failed": 0}]
    assert ledger.value("SELECT count(*)::int FROM trapline.observation") == PAGES
    assert ledger.value("SELECT count(DISTINCT task_id)::int FROM trapline.observation") == PAGES
    active = "SELECT count(*)::int FROM trapline.invocation WHERE status IN ('created', 'pending', 'ready', 'running')"
    assert ledger.value(active) == 0


def test_after_any_kill_every_page_is_accounted_for(command: Trapline, site: CountingSite):
    """A crawler, the whole command and Postgres are killed in turn; one more crawl ends every task exactly once."""
    urls = site.pages(PAGES)
    config = command.config(CONFIG.format(urls=urls))

    # The last page is not answered until Postgres is killed: on no machine is the crawl over before
    with site.hold(urlsplit(urls[-1]).path), command.start("crawl", config) as first:
        with command.ledger() as ledger:
            ledger.until_tables()
            ledger.until(ENDED, lambda ended: ended >= 20)
            victim = crawlers(first.pid)[0]
            browsers = descendants(victim)
            os.kill(victim, signal.SIGKILL)
            until_gone(browsers)
            reason = "SELECT max(reason) FROM trapline.invocation WHERE status = 'failed'"
            # At once: who saw the process end need not wait for heartbeats that do not come
            ledger.until(reason, lambda found: found == "killed by SIGKILL", within=5)
            ledger.until(ENDED, lambda ended: ended >= 60)

            below = descendants(first.pid)
            first.kill()
            until_gone(pid for pid in below if pid in alive(below))
            command.until_no_browser()
            assert ledger.value("SELECT count(*)::int FROM trapline.task WHERE status = 'leased'") == 0

            with command.start("crawl", config) as second:
                ledger.until(ENDED, lambda ended: ended >= 110)
                postmaster = int((command.data_dir / "postgres/postmaster.pid").read_text().split("\n", 1)[0])
                os.kill(postmaster, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
                done = finish(second)
        first.communicate()
    assert done.code == 4
    assert [line for line in done.err.splitlines() if "the ledger went away" in line], done.err
    assert len(done.err.splitlines()) == 1, done.err
    command.until_no_browser()

    last = command.crawl(config)
    assert last.code == 0, last.err
    assert last.json["runs"][0]["tasks"] == {"done": PAGES, "failed": 0}
    assert not command.browsers()
    with command.ledger() as ledger:
        check_whole(ledger)
    assert not (command.data_dir / "postgres/postmaster.pid").exists()
