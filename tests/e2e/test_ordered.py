import os
import signal

from support.command import Trapline, finish
from support.processes import crawlers, eventually
from tests.e2e.counting_site import CountingSite

CONFIG = """
crawls:
  shop: {{urls: {urls}, ordered: true, settle: 0, timeout: 60s}}
"""


def test_an_ordered_task_goes_on_where_a_killed_crawler_stopped(command: Trapline, site: CountingSite):
    """Of six pages in order a crawler is killed during the fourth: the next one begins there, and visits none again."""
    config = command.config(CONFIG.format(urls=site.pages(6)))
    with command.start("crawl", config, "--json") as process:
        with site.hold("/p/3"):
            eventually(lambda: site.visits("/p/3"), bool, within=60)
            (victim,) = crawlers(process.pid)
            os.kill(victim, signal.SIGKILL)
            eventually(lambda: crawlers(process.pid), lambda pids: bool(pids) and victim not in pids)
        done = finish(process)
    assert done.code == 0, done.err
    (run,) = done.json["runs"]
    assert (run["tasks"], run["pages"]) == ({"done": 1, "failed": 0}, 6)
    assert [site.visits(f"/p/{number}") for number in range(6)] == [1, 1, 1, 2, 1, 1]
    with command.ledger() as ledger:
        rows = ledger.rows("SELECT position, url FROM trapline.observation ORDER BY id")
    assert [(row["position"], row["url"]) for row in rows] == list(enumerate(site.pages(6)))
