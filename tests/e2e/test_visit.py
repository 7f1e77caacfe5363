"""``trapline visit``: one page now, on this machine, as a crawl would have done it."""

from support.command import Trapline
from support.demo_site import DemoSite

CONFIG = """
defaults: {{timeout: 10s, retries: 0, alert: {{after_failures: 1}}}}
crawls:
  shop: {{urls: ["{site}/products/kettle", "{site}/products/tent"]}}
"""


def test_one_page_is_visited_now_and_what_it_shows_is_told(command: Trapline):
    """The page alone, in a run of its own that ends; a page that fails is told, and is exit code 1."""
    with DemoSite() as site:
        config = command.config(CONFIG.format(site=site.url))
        assert command.run("crawl", config).code == 0
        good = command.run("visit", f"{site.url}/products/kettle")
        site.shop.break_page("tent")
        bad = command.run("visit", f"{site.url}/products/tent", "--json")
        waits = command.run("visit", f"{site.url}/products/tent", "--json", "--no-wait")
    assert good.code == 0, good.err
    assert "run 2 opened: it visits" in good.out
    assert "run 2 shop: 1 task\n" in good.out
    assert bad.code == 1, bad.err
    assert bad.json["run_id"] == 3
    assert "1 page failed" in bad.err
    assert waits.code == 0, waits.err
    runs = command.run("runs", "--json").json["runs"]
    assert [(run["status"], run["page_id"], run["done"], run["failed"]) for run in runs] == [
        ("open", 2, 0, 0), ("ended", 2, 0, 1), ("ended", 1, 1, 0), ("ended", None, 2, 0),
    ]  # fmt: skip
    assert not command.browsers()
