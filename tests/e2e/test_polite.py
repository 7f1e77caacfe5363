"""Politeness on the wire: what a real site sees of several crawler processes."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from support.command import Trapline
from tests.site.serving import LoopbackServer, QuietHandler

CONFIG = """
lanes: {{default: {{max_invocations: 2, tasks_per_invocation: 4, pages_in_flight: 2, host_delay: 1s}}}}
crawls:
  docs: {{urls: {urls}, settle: 0, alert: {{after_failures: 1}}}}
"""
DELAY = 1.0
"""Seconds; the lane's ``host_delay``."""
BUSY = 2.0
"""Seconds that the site asks for, once."""


class _Site(LoopbackServer):
    def __init__(self) -> None:
        super().__init__(_Handler)
        self.lock = threading.Lock()
        self.seen: list[tuple[str, float]] = []

    def times(self, *, but: tuple[str, ...] = (), only: str | None = None) -> list[float]:
        """Return when pages were asked for, in order."""
        with self.lock:
            return sorted(at for path, at in self.seen if path not in but and only in (None, path))

    def paths(self) -> list[str]:
        with self.lock:
            return [path for path, _ in self.seen]


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    server: _Site

    def do_GET(self) -> None:
        with self.server.lock:
            before = [path for path, _ in self.server.seen]
            if self.path != "/favicon.ico":
                self.server.seen.append((self.path, time.monotonic()))
        status, more = 200, {}
        body = f"<!doctype html><title>{self.path}</title><p>Page {self.path}"
        if self.path == "/robots.txt":
            body = "User-agent: *\nDisallow: /closed\n"
        elif self.path == "/busy" and "/busy" not in before:
            status, more = 429, {"Retry-After": f"{BUSY:.0f}"}
        elif self.path == "/challenge":
            frame = '<iframe src="https://geo.captcha-delivery.com.invalid/captcha/"></iframe>'
            body = f"<!doctype html><title>Shop</title>{frame}"
        self.reply(status, body.encode(), {"Content-Type": "text/html", **more})


@pytest.fixture
def polite_site() -> Iterator[_Site]:
    """A site with a robots.txt, a page that is busy once, and a challenge."""
    server = _Site()
    server.start()
    yield server
    server.stop()


def test_two_processes_visit_a_site_as_it_wants(command: Trapline, polite_site: _Site):
    """Two crawlers together keep the lane's delay, read robots.txt once, obey a 429's wait, and know a challenge."""
    names = ["1", "2", "3", "closed", "challenge", "4", "5", "busy"]
    config = command.config(CONFIG.format(urls=[f"{polite_site.url}/{name}" for name in names]))
    done = command.crawl(config, "--max-invocations", "2")
    assert done.code == 1, done.err
    run = done.json["runs"][0]
    reasons = {failure["url"].rpartition("/")[2]: failure["reason"] for failure in run["failures"]}
    assert (run["tasks"], reasons) == ({"done": 6, "failed": 2}, {"closed": "robots", "challenge": "blocked"})

    paths = polite_site.paths()
    assert (paths.count("/robots.txt"), paths.count("/busy"), paths.count("/closed")) == (1, 2, 0)
    # A browser that takes long to start makes visits come close together: here the site sees that they are apart at
    # all, and below the ledger tells that all eight took turns of their own.
    calm = polite_site.times(but=("/robots.txt", "/busy"))
    assert calm[-1] - calm[0] > 0.3 * (len(calm) - 1) * DELAY
    first, again = polite_site.times(only="/busy")
    assert again - first > BUSY
    with command.ledger() as ledger:
        turns = "SELECT extract(epoch FROM t.last_at - r.opened_at)::float8 FROM trapline.host_turn t, trapline.run r"
        assert ledger.value(turns) >= 7 * DELAY
        assert ledger.value("SELECT count(DISTINCT invocation_id)::int FROM trapline.task WHERE status = 'done'") >= 2
        kinds = ledger.rows("SELECT kind FROM trapline.alert WHERE status <> 'muted' ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["blocked", "failure"]
