"""What programs get: the API, the feed, the badge, the monitor's line, and one run as one file."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.pictures import noise, png
from support.web_ledger import crawled, seen
from support.web_stage import Stage
from support.web_view import TOKEN, Served, served
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.screens.catalogue import SCREENS, read_screen
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_web.feed_keys import FeedKeys
from trapline_web.ledger_views import LedgerViews
from trapline_web.openapi import document
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Place
from trapline_web.report import MOST_BYTES, report

ATOM = "{http://www.w3.org/2005/Atom}"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_the_api_answers_with_the_screens_models(view: Served, shop: Stage) -> None:
    """What a program gets is what the screen of that name is made of."""
    given = {"run": f"?id={shop.seeded.last['products']}", "crawl": "?name=products", "page": "?id=1"}
    for name, screen in SCREENS.items():
        reply = await view.get(f"/api/v1/{name}{given.get(name, '')}", entered=False, **BEARER)
        assert reply.status == 200, name
        assert reply.headers["content-type"] == "application/json"
        screen.answer.validate_json(reply.body)


async def test_the_api_says_in_words_what_is_wrong(view: Served) -> None:
    """A wrong value, a thing that is not there, a screen that is not there, no token."""
    for path, status, words in (
        ("/api/v1/run?id=x", 400, "id"),
        ("/api/v1/run?id=999", 404, "no run 999"),
        ("/api/v1/else", 404, "no such screen"),
    ):
        reply = await view.get(path, entered=False, **BEARER)
        assert reply.status == status
        assert words in json.loads(reply.body)["error"]


def test_the_description_names_every_screen_and_parameter() -> None:
    """OpenAPI 3.1, each schema that is referred to is there."""
    described = document()
    assert set(described["paths"]) == {f"/api/v1/{name}" for name in SCREENS}
    references = set(re.findall(r"#/components/schemas/([\w.-]+)", json.dumps(described)))
    assert references
    assert references <= set(described["components"]["schemas"])


async def test_the_feed_is_well_formed_and_opens_with_its_key_alone(view: Served) -> None:
    """Atom, newest first, with links into the view; the key opens feeds and badges and no screen."""
    key = f"key={view.access.feeds.new('reader')}"
    reply = await view.get(f"/changes.atom?{key}", entered=False)
    feed = ET.fromstring(reply.body)
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 5
    assert entries[0].find(f"{ATOM}link").get("href", "").startswith(view.origin + "/pages/")  # type: ignore[union-attr]
    assert "price: $3,390.00" not in reply.text
    assert "→ $" in reply.text
    assert (await view.get("/changes.atom", entered=False)).status == 401
    assert (await view.get("/changes.atom?key=x", entered=False)).status == 401
    for path in ("/", "/api/v1/overview", "/runs/1"):
        assert (await view.get(f"{path}?{key}", entered=False)).status == 401


async def test_a_key_of_feeds_is_revoked_alone(view: Served, shop: Stage) -> None:
    """From then on it opens nothing, without a restart; the other key and the token go on. The file holds no key."""
    kept, revoked = view.access.feeds.new("kept"), view.access.feeds.new("revoked")
    paths = ("/changes.atom", "/badge/docs.svg", "/ok/docs", "/metrics")
    for path in paths:
        assert (await view.get(f"{path}?key={revoked}", entered=False)).status == 200, path
    view.access.feeds.revoke("revoked")
    for path in paths:
        assert (await view.get(f"{path}?key={revoked}", entered=False)).status == 401, path
        assert (await view.get(f"{path}?key={kept}", entered=False)).status == 200, path
        assert (await view.get(path, entered=False, **BEARER)).status == 200, path
        assert (await view.get(f"{path}?key=", entered=False)).status == 401, path
    file = shop.artifacts / f"keys-{view.port}" / "web.keys"
    assert file.stat().st_mode & 0o077 == 0
    assert kept not in file.read_text()
    assert sha256(kept.encode()).hexdigest() in file.read_text()
    file.write_text("no JSON")
    spoilt = await view.get(f"/ok/docs?key={kept}", entered=False)
    assert (spoilt.status, str(file.parent) in spoilt.text) == (503, False)
    assert (await view.get("/ok/docs", entered=False, **BEARER)).status == 200
    file.unlink()  # the view goes on for other tests


def test_keys_are_made_and_revoked_by_the_command(tmp_path: Path) -> None:
    """It prints the key alone on standard output, once; a name that is taken, or is none, is refused."""

    def web(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trapline", "web", "--data-dir", str(tmp_path), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    made = web("--new-feed-key", "grafana")
    keys = FeedKeys(tmp_path)
    assert keys.holds(made.stdout.strip())
    for refused in (("--new-feed-key", "grafana"), ("--new-feed-key", "../x"), ("--revoke-feed-key", "else")):
        assert web(*refused).returncode == 2, refused
    assert web("--revoke-feed-key", "grafana").returncode == 0
    assert not keys.holds(made.stdout.strip())
    assert keys.names() == []


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Each command's change is on top of what the others wrote."""
    keys, others = FeedKeys(tmp_path), ThreadPoolExecutor(8)
    made = list(others.map(lambda number: (number, FeedKeys(tmp_path).new(f"key-{number}")), range(40)))
    assert keys.names() == sorted(f"key-{number}" for number, _ in made)
    assert all(keys.holds(key) for _, key in made)
    list(others.map(lambda number: FeedKeys(tmp_path).revoke(f"key-{number}"), range(0, 40, 2)))
    assert keys.names() == sorted(f"key-{number}" for number in range(1, 40, 2))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"a": 1}', '{"a": null}', '{"a": "\\u00e4"}', "\0" * 70, "ä"])
def test_a_spoilt_file_of_keys_is_refused_and_opens_nothing(text: str, tmp_path: Path) -> None:
    """Whatever a loss of power or a person left of it, in one line that names the file."""
    (tmp_path / "web.keys").write_text(text)
    for use in (lambda: FeedKeys(tmp_path).holds("x"), lambda: FeedKeys(tmp_path).new("b")):
        with pytest.raises(InputRefusedError, match=r"web\.keys can't be read"):
            use()


async def test_a_badge_and_a_line_tell_a_crawls_state(view: Served) -> None:
    """A page fails, so the monitor's line is 503 with words; a crawl under way is fine."""
    key = f"?key={view.access.feeds.new('monitor')}"
    badge = await view.get(f"/badge/products.svg{key}", entered=False)
    assert badge.headers["content-type"] == "image/svg+xml"
    ET.fromstring(badge.body)
    assert "products: 1 failing" in badge.text
    bad = await view.get(f"/ok/products{key}", entered=False)
    assert (bad.status, bad.text) == (503, "products: 1 of 3 pages fails\n")
    good = await view.get(f"/ok/docs{key}", entered=False)
    assert (good.status, good.text) == (200, "OK\n")
    assert (await view.get(f"/ok/none{key}", entered=False)).status == 404


async def test_prometheus_reads_the_overview_in_numbers(view: Served, bad_view: Served) -> None:
    """The format's own parser takes it; by the token or the feeds' key, and a crawl's name can't leave its label."""
    reply = await view.get(f"/metrics?key={view.access.feeds.new('prometheus')}", entered=False)
    found = {sample.name: {} for family in text_string_to_metric_families(reply.text) for sample in family.samples}
    for family in text_string_to_metric_families(reply.text):
        for sample in family.samples:
            found[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    assert found["trapline_crawl_pages_failing"][(("crawl", "products"),)] == 1
    assert found["trapline_pages_failing"] == {(): 1}
    assert (("lane", "default"), ("state", "waiting")) in found["trapline_lane_tasks"]
    assert found["trapline_crawl_run_timestamp_seconds"][(("crawl", "products"),)] > 1_500_000_000
    assert (await view.get("/metrics", entered=False)).status == 401
    assert (await view.get("/metrics", entered=False, **BEARER)).status == 200
    hostile = await bad_view.get("/metrics", entered=False, **BEARER)
    assert list(text_string_to_metric_families(hostile.text))


async def test_prometheus_reads_every_crawl(dsn: str, shop: Stage) -> None:
    """Also those that stand on no overview's first page, and pages are counted of all of them."""
    async with await Database.connect(dsn) as database:
        crawls = [CrawlConfig(name=f"c{number:03}", urls=("https://site.example/",)) for number in range(120)]
        await known_crawls.take(database, crawls, source="crawls.yaml")
        await database.connection.execute(
            "INSERT INTO trapline.page (crawl, url, judged_run) SELECT 'c119', 'https://site.example/' || n, 1 "
            "FROM generate_series(1, 7) n"
        )
    async with served(dsn, shop.artifacts) as view:
        reply = await view.get("/metrics", entered=False, **BEARER)
        found = {family.name: family.samples for family in text_string_to_metric_families(reply.text)}
        assert [sample.labels["crawl"] for sample in found["trapline_crawl_pages"]] == [one.name for one in crawls]
        assert found["trapline_crawl_pages"][-1].value == 7
        assert "7 of 7 pages are well" in (await view.get("/")).text


async def test_hostile_texts_stay_texts_in_the_feed_and_the_badge(bad_view: Served) -> None:
    """The feed has Atom's elements alone, and the badge no handler."""
    feed = ET.fromstring((await bad_view.get("/changes.atom")).body)
    assert {element.tag for element in feed.iter()} <= {
        ATOM + name
        for name in (
            "feed", "title", "id", "link", "author", "name", "updated", "entry", "category", "content",
        )
    }  # fmt: skip
    badge = await bad_view.get("/badge/%3Cscript%3Ealert(1)%3C%2Fscript%3E.svg")
    assert badge.status == 404


@pytest.mark.parametrize("hostile", [False, True])
async def test_a_run_is_one_file_without_a_script(shop: Stage, bad: Stage, hostile: bool) -> None:
    """It has the pictures inside, fetches nothing, and is no larger than a mail may be."""
    stage = bad if hostile else shop

    async def connect() -> Database:
        return await Database.connect(stage.dsn)

    views = LedgerViews(connect)
    pictures = NamedArtifacts(fetch=DirectoryArtifacts(stage.artifacts).get, is_named=views.is_named)
    run = stage.seeded.last["bad" if hostile else "products"]
    found = await report(run, views=views, pictures=pictures, place=Place(name="test"))
    await views.close()
    assert len(found.html.encode()) <= MOST_BYTES
    assert "<script" not in found.html
    (style,) = re.findall(r"<style>(.*?)</style>", found.html, re.DOTALL)
    assert style.strip() == files("trapline_web").joinpath("static", "trapline.css").read_text("utf-8").strip()
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,)', found.html)
    assert found.pictures == (0 if hostile else 2)
    assert found.left_out == (1 if hostile else 0)
    assert found.html.count("data:image/png;base64,") == found.pictures


async def test_a_report_of_many_pictures_stays_as_small_as_it_must(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole pictures first, small ones then; one that many pages share counts as often, and so do long titles."""
    store = DirectoryArtifacts(tmp_path)
    shared = await store.put(png(noise(100, seed=99)), suffix=".png")
    keys = [await store.put(png(noise(100, seed=number)), suffix=".png") for number in range(6)] + [shared] * 6
    crawl = CrawlConfig(name="many", urls=("https://many.example/",))
    visits = [
        seen(f"https://many.example/{number}", f"page {number}", {}, title="long " * 400, screenshot=key)
        for number, key in enumerate(keys)
    ]
    async with await Database.connect(dsn) as database:
        run = await crawled(database, crawl, visits)

    async def connect() -> Database:
        return await Database.connect(dsn)

    views = LedgerViews(connect)
    pictures = NamedArtifacts(fetch=store.get, is_named=views.is_named)
    monkeypatch.setattr("trapline_web.report._SMALL", 40_000)
    sizes = {}
    for most in (10_000_000, 1_500_000, 400_000, 110_000):
        monkeypatch.setattr("trapline_web.report.MOST_BYTES", most)
        found = await report(run, views=views, pictures=pictures, place=Place(name="test"))
        assert len(found.html.encode()) <= most
        sizes[most] = (found.html.count("data:image/png;"), found.html.count("data:image/webp;"), found.left_out)
    await views.close()
    assert sizes[10_000_000] == (12, 0, 0)
    whole, small, left_out = sizes[1_500_000]
    assert (whole + small, left_out) == (12, 0)
    assert whole > 0
    assert small >= 6
    assert sizes[400_000][0] == 0
    assert sizes[400_000][1] > 0
    assert sizes[110_000][0] == 0


async def test_a_ledger_is_read_as_of_one_moment_and_never_written(dsn: str) -> None:
    """A screen's transaction is read only, whatever its statements would do."""
    async with await Database.connect(dsn) as database, database.snapshot(seconds=5):
        assert await database.connection.fetchval("SHOW transaction_read_only") == "on"
        assert await database.connection.fetchval("SHOW transaction_isolation") == "repeatable read"
        assert await database.connection.fetchval("SHOW statement_timeout") == "5s"
    async with await Database.connect(dsn) as database:
        assert (await read_screen(database, "overview", {})).crawls == ()
        assert await database.connection.fetchval("SHOW transaction_read_only") == "off"
