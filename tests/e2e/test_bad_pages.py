import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path

from support.command import Trapline, finish
from support.hostile import hostile_site, self_signed
from support.processes import kill_all, renderers
from tests.e2e.counting_site import CountingSite

CONFIG = """
defaults: {{timeout: 6s, retries: 0, alert: {{on: [], after_failures: 1}}}}
lanes: {{default: {{tasks_per_invocation: 15, pages_in_flight: 3}}}}
crawls:
  bad: {{urls: {urls}}}
"""
REASONS = {
    "/404": {"http_status"},
    "/500": {"http_status"},
    "/204": {"no_content"},
    "/empty": {"no_content"},
    "/loop": {"redirects"},
    "/to-file": {"address_refused"},
    "/reset": {"connect"},
    "/reset-at-once": {"connect"},
    "/huge": {"too_large"},
    "/download": {"download"},
    "/pdf": {"download"},
    "/silent": {"timeout"},
    "/half-loaded": {"timeout"},
    "/trickle": {"timeout"},
    "/spin": {"page_hung", "timeout"},
    "/alerts-forever": {"page_hung", "timeout", "too_large"},
    "/endless": {"too_large", "timeout", "page_hung"},
}
GOOD = ("/good", "/popups", "/alerts", "/latin1", "/not-utf8", "/moved", "/good?last")


def closed_port() -> int:
    """Return a port of loopback on which no process listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def test_bad_pages_fail_with_their_reason_and_harm_no_neighbour(command: Trapline, tmp_path: Path):
    """Pages bad in twenty ways, beside good ones in one run: each fails with its own reason, each good one is done."""
    async with hostile_site() as site, hostile_site(self_signed(tmp_path)) as tls:
        expected = {site.origin + path: reasons for path, reasons in REASONS.items()}
        expected["http://nowhere.invalid/"] = {"dns"}
        expected[f"http://127.0.0.1:{closed_port()}/"] = {"connect"}
        expected[tls.origin + "/good"] = {"tls"}
        good = [site.origin + path for path in GOOD]
        config = command.config(CONFIG.format(urls=json.dumps([*good[:-1], *expected, good[-1]])))
        done = await asyncio.to_thread(command.crawl, config)
    assert done.code == 1, done.err
    (run,) = done.json["runs"]
    found = {failure["url"]: failure["reason"] for failure in run["failures"]}
    assert {url: reason for url, reason in found.items() if reason not in expected.get(url, ())} == {}
    assert set(found) == set(expected)
    assert run["tasks"] == {"done": len(good), "failed": len(expected)}
    assert run["pages"] == len(good) + len(expected)
    assert not command.browsers()


def test_a_page_whose_renderer_dies_each_time_fails(command: Trapline, site: CountingSite):
    """A renderer killed at each visit of a page ends that page as ``page_crashed``; the next page is done.

    Three visits are its own. A fault in a room that was used before is nobody's: then the page is visited once more.
    """
    urls = json.dumps([f"{site.url}/with-picture", *site.pages(1)])
    config = command.config(CONFIG.format(urls=urls).replace("3s", "60s").replace("flight: 3", "flight: 1"))
    with site.hold("/picture"), command.start("crawl", config, "--json") as process:
        killed = 0
        while process.poll() is None:
            if site.visits("/picture") > killed:
                killed = site.visits("/picture")
                kill_all(renderers(command.browsers()))
            time.sleep(0.05)
        done = finish(process)
    assert done.code == 1, done.err
    (run,) = done.json["runs"]
    assert [failure["reason"] for failure in run["failures"]] == ["page_crashed"]
    assert killed in {3, 4}
    assert run["tasks"] == {"done": 1, "failed": 1}
    assert not command.browsers()


def test_a_page_that_takes_its_crawler_along_is_failed_as_poison(command: Trapline, site: CountingSite):
    """A page whose crawler is killed at each visit is given up after three, with that reason; the next page is done."""
    config = command.config(CONFIG.format(urls=site.pages(2)).replace("3s", "60s").replace("flight: 3", "flight: 1"))
    holder_query = (
        "SELECT place FROM trapline.invocation i JOIN trapline.task t ON t.invocation_id = i.id AND t.lease_seq = {} "
    )
    holder_query += (
        "WHERE t.url LIKE '%/p/0' AND t.status = 'leased' AND t.started_at IS NOT NULL UNION ALL SELECT NULL"
    )
    with site.hold("/p/0"), command.start("crawl", config, "--json") as process, command.ledger() as ledger:
        ledger.until_tables()
        for attempt in (1, 2, 3):
            holder = ledger.until(holder_query.format(attempt), lambda found: found is not None)
            os.kill(int(holder.split(":")[2]), signal.SIGKILL)
        done = finish(process)
    assert done.code == 1, done.err
    (run,) = done.json["runs"]
    assert [failure["reason"] for failure in run["failures"]] == ["poison"]
    assert run["tasks"] == {"done": 1, "failed": 1}
    command.until_no_browser()
