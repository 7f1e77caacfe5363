from support.command import Trapline
from support.demo_site import DemoSite

CONFIG = """
defaults:
  timeout: 10s
  retries: 0
  screenshot: viewport
  alert: {{on: [failure, change, recovery], after_failures: 1}}
crawls:
  products:
    urls: ["{site}/products/kettle", "{site}/products/tent", "{site}/products/lantern"]
    watch: "#product"
    extract: {{price: "#product .price"}}
  pages:
    urls: ["{site}/workshop"]
"""
KEYS = {"run_id", "crawl", "tasks", "pages", "seconds", "changes", "failures", "alerts"}


def test_two_crawls_of_a_site_that_changes(command: Trapline):
    """A second crawl reports the change, the failure and the recovery since the first: JSON, alerts and exit code."""
    with DemoSite() as site:
        config = command.config(CONFIG.format(site=site.url))
        site.shop.break_page("workshop")
        first = command.crawl(config)
        site.shop.mend_page("workshop")
        site.shop.set_price("kettle", 2_950)
        site.shop.break_page("tent")
        second = command.crawl(config)
        site.shop.mend_page("tent")
        third = command.run("crawl", config, "--only", "pages")

    assert first.code == 1, first.err
    products, pages = first.json["runs"]
    assert set(products) == KEYS
    assert (products["crawl"], products["tasks"], products["changes"]) == ("products", {"done": 3, "failed": 0}, 0)
    assert pages["tasks"] == {"done": 0, "failed": 1}
    assert pages["failures"] == [{"url": f"{site.url}/workshop", "reason": "http_status", "detail": "status 500"}]
    assert pages["alerts"] == 1

    assert second.code == 1, second.err
    products, pages = second.json["runs"]
    assert (products["changes"], products["alerts"], products["pages"]) == (1, 2, 3)
    assert (pages["tasks"], pages["alerts"]) == ({"done": 1, "failed": 0}, 1)
    assert "-$34.50" in second.err
    assert "+$29.50" in second.err
    assert "good again" in second.err
    assert f"{site.url}/products/tent" in second.err
    assert list((command.data_dir / "artifacts").rglob("*.png"))

    assert third.code == 0, third.err
    assert "run 5 pages: 1 task\n" in third.out
    assert not command.browsers()
    assert not (command.data_dir / "postgres" / "postmaster.pid").exists()


ALL_BROKEN = """
defaults: {{timeout: 10s, retries: 0, alert: {{on: [failure, summary], after_failures: 1}}}}
crawls:
  one: {{urls: ["{site}/gone/1"]}}
  two: {{urls: ["{site}/gone/2"]}}
  three: {{urls: ["{site}/gone/3"]}}
"""


def test_every_alert_is_sent_before_the_command_ends(command: Trapline):
    """Six alerts of the last moment take five seconds at one message a second; the command waits for each."""
    with DemoSite() as site:
        done = command.crawl(command.config(ALL_BROKEN.format(site=site.url)))
    assert done.code == 1, done.err
    for number in (1, 2, 3):
        assert f"1. {site.url}/gone/{number}\n" in done.err
    with command.ledger() as ledger:
        assert ledger.value("SELECT count(*)::int FROM trapline.alert WHERE status = 'due'") == 0
