import json

from support.command import Trapline
from support.manual import find_manual, page_urls, serve

PAGES = 1000
AGAIN = 200
CONFIG = """
crawls:
  manual:
    urls: {urls}
    isolation: crawl
    screenshot: never
    lane: bulk
lanes: {{bulk: {{tasks_per_invocation: 100, pages_in_flight: 4}}}}
"""


def test_a_thousand_pages_of_a_real_manual(command: Trapline):
    """Of 1,000 pages of a manual of other authors every one is done, and observed once; a second look is no change."""
    manual = find_manual(at_least=PAGES)
    with serve(manual) as base:
        urls = page_urls(manual, base, PAGES)
        done = command.crawl(command.config(CONFIG.format(urls=json.dumps(urls))), timeout=400)
        again = command.crawl(command.config(CONFIG.format(urls=json.dumps(urls[:: PAGES // AGAIN]))), timeout=200)
    assert done.code == 0, done.err
    (run,) = done.json["runs"]
    assert (run["tasks"], run["pages"]) == ({"done": PAGES, "failed": 0}, PAGES)
    with command.ledger() as ledger:
        assert ledger.value("SELECT count(DISTINCT url)::int FROM trapline.observation WHERE reason IS NULL") == PAGES
        assert ledger.value("SELECT count(*)::int FROM trapline.task WHERE status <> 'done'") == 0
    assert again.code == 0, again.err
    (run,) = again.json["runs"]
    assert (run["tasks"], run["changes"]) == ({"done": AGAIN, "failed": 0}, 0)
