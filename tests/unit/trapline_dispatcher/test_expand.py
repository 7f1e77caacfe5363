"""The expansion of a crawl into pages, against a real HTTP server."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from support.gates import loopback_gate
from support.sitemap_site import SitemapSite, sitemap_site
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.local.secrets import LocalSecrets
from trapline_dispatcher.runs.pages import expand

SECRETS = LocalSecrets({"TRAPLINE_SECRET_K": "s3cr3t-value"}, Path("no-folder"))


@pytest_asyncio.fixture
async def site() -> AsyncIterator[SitemapSite]:
    """Run a server for one test."""
    async with sitemap_site() as running:
        yield running


async def pages(site: SitemapSite, **values: object) -> list[str]:
    """Expand a crawl and return its pages, those of the server without its origin."""
    return (await expanded(site, **values))[0]


async def expanded(site: SitemapSite, **values: object) -> tuple[list[str], str | None]:
    """Expand a crawl and return its pages too, with what was left out."""
    crawl = CrawlConfig.model_validate({"name": "docs", **values})
    found = await expand(crawl, HttpFetch(gate=loopback_gate(), timeout=10), SECRETS)
    left_out = None if found.left_out is None else found.left_out.replace(site.origin, "")
    return [url.removeprefix(site.origin) for url in found.urls], left_out


async def refused(site: SitemapSite, **values: object) -> str:
    """Return the reason, which always names the crawl's field."""
    with pytest.raises(InputRefusedError) as caught:
        await pages(site, **values)
    assert str(caught.value).startswith("crawls.docs.sitemap: ")
    return str(caught.value)


async def test_urls_alone_need_no_network(site: SitemapSite) -> None:
    """Without a sitemap the pages are the URLs in their order, each once, and nothing is fetched."""
    assert await pages(site, urls=["http://e.com/b", "http://e.com/a", "http://E.com:80/b#x"]) == [
        "http://e.com/b",
        "http://e.com/a",
    ]
    assert site.asked == []


async def test_urls_then_sitemap_in_order_each_once(site: SitemapSite) -> None:
    """URLs come first, then the sitemap's pages in its order, and one page is one task however it is spelled."""
    sitemap = site.urlset("/s.xml", "/c", "/a", "/%63", "/a#top", "/b")
    assert await pages(site, urls=[site.origin + "/a"], sitemap=sitemap) == ["/a", "/c", "/b"]


async def test_index_of_indexes_and_gzip(site: SitemapSite) -> None:
    """An index is followed in order, through another index and through gzip, and no file is read twice."""
    site.urlset("/1.xml", "/a")
    site.urlset("/2.xml", "/b")
    packed = gzip.compress(site.files["/2.xml"].partition(b"\r\n\r\n")[2])
    site.put("/2.xml.gz", packed)
    site.index("/more.xml", "/2.xml.gz", "/1.xml", "/s.xml")
    sitemap = site.index("/s.xml", "/more.xml", "/1.xml")
    assert await pages(site, sitemap=sitemap) == ["/b", "/a"]
    assert site.asked == ["/s.xml", "/more.xml", "/2.xml.gz", "/1.xml"]


async def test_include_and_exclude(site: SitemapSite) -> None:
    """Include keeps, exclude wins over it, by path or by whole URL."""
    sitemap = site.urlset("/s.xml", "/docs/a", "/docs/deep/b", "/docs/old/c", "/blog/d", "/docs/e?print=1")
    keep = {"include": ["/docs/*", site.origin + "/blog/*"], "exclude": ["/docs/old/*", "*?print=*"]}
    assert await pages(site, sitemap=sitemap, **keep) == ["/docs/a", "/docs/deep/b", "/blog/d"]


async def test_secrets_bind_a_sitemap_to_the_origins_of_the_file(site: SitemapSite) -> None:
    """A sitemap that was redirected elsewhere, or lists the other scheme, sends no header with a secret there."""
    async with sitemap_site() as other:
        elsewhere = other.origin
        other.put("/s.xml", f"{elsewhere}/1\n{site.origin}/2\n{site.origin.replace('http:', 'https:')}/3\n")
        moved = site.redirect("/moved.xml", f"{elsewhere}/s.xml")
        await bound(site, elsewhere, moved)


async def bound(site: SitemapSite, elsewhere: str, moved: str) -> None:
    """Show which pages of a sitemap that was redirected elsewhere count, with and without a secret."""
    private = {"headers": {"X-Key": "${secret:K}"}}
    free = await pages(site, sitemap=moved)
    assert free == [f"{elsewhere}/1", "/2", free[2]]
    assert await pages(site, sitemap=moved, **private) == ["/2"]
    assert await pages(site, sitemap=moved, cookies={"sid": "${secret:K}"}) == ["/2"]
    named = await pages(site, sitemap=moved, urls=[f"{elsewhere}/0"], **private)
    assert named == [f"{elsewhere}/0", f"{elsewhere}/1", "/2"]


async def test_limit_stops_the_walk(site: SitemapSite) -> None:
    """At most ``limit`` pages, and no further file is fetched for those that would be over it."""
    site.urlset("/1.xml", "/a", "/b", "/c")
    site.urlset("/2.xml", "/d")
    sitemap = site.index("/s.xml", "/1.xml", "/2.xml")
    found = await expanded(site, sitemap=sitemap, limit=2)
    assert found == (["/a", "/b"], "left out of the sitemap: what comes after the first 2 pages (`limit`)")
    assert site.asked == ["/s.xml", "/1.xml"]


async def test_other_hosts_and_bad_entries_are_dropped_and_counted(site: SitemapSite) -> None:
    """What sitemaps.org forbids is left out, with a count and examples in the log."""
    sitemap = site.urlset("/s.xml", "/a", "http://elsewhere.example/x", "file:///etc/passwd", "http://u:p@h/")
    with capture_logs() as logs:
        found, left_out = await expanded(site, sitemap=sitemap)
    assert found == ["/a"]
    assert left_out == (
        "left out of the sitemap: 3 entries (2 no valid URL, 1 other host; such as http://elsewhere.example/x, "
        "file:///etc/passwd, http://u:p@h/)"
    )
    assert logs[0]["event"] == "sitemap_left_out"
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["entries"] == {"other host": 1, "no valid URL": 2}


async def test_relative_entries_and_broken_lines_are_resolved(site: SitemapSite) -> None:
    """Entries without a host, without a scheme, or broken over lines are the pages that they mean."""
    host = site.origin.removeprefix("http://")
    relative = ("/p1", "p2", "../p3", f"//{host}/p4", f"{host}/p5", f" {site.origin}/p\n6 ", "/#/route", "/p7#top")
    locs = "".join(f"<url><loc>{entry}</loc></url>" for entry in relative)
    site.put("/deep/s.xml", f"<urlset>{locs}</urlset>")
    assert await expanded(site, sitemap=site.origin + "/deep/s.xml") == (
        ["/p1", "/deep/p2", "/p3", "/p4", "/p5", "/p6", "/#/route", "/p7"],
        None,
    )


async def test_an_index_cannot_lead_to_another_host(site: SitemapSite) -> None:
    """A sitemap of another host that an index names is not fetched."""
    async with sitemap_site() as other:
        site.urlset("/1.xml", "/a")
        sitemap = site.index("/s.xml", other.urlset("/theirs.xml", "/x"), "/1.xml")
        assert await pages(site, sitemap=sitemap) == ["/a"]
        assert other.asked == []


async def test_a_redirected_part_does_not_widen_the_site(site: SitemapSite) -> None:
    """Only the sitemap that the crawl names may move: a part of it that redirects brings in no other host's pages."""
    async with sitemap_site() as other:
        site.urlset("/1.xml", "/a")
        site.redirect("/2.xml", other.urlset("/theirs.xml", "/x"))
        assert await pages(site, sitemap=site.index("/s.xml", "/1.xml", "/2.xml")) == ["/a"]


async def test_a_redirected_sitemap_speaks_for_its_new_host(site: SitemapSite) -> None:
    """A sitemap that moved to another host may list that host's pages."""
    async with sitemap_site() as other:
        sitemap = site.redirect("/s.xml", other.urlset("/s.xml", "/x"))
        assert await pages(site, sitemap=sitemap) == [other.origin + "/x"]


async def test_a_foreign_sitemap_is_refused_with_its_reason(site: SitemapSite) -> None:
    """A sitemap of nothing but other hosts' pages says so instead of opening an empty run."""
    sitemap = site.urlset("/s.xml", "https://www.example.com/a")
    reason = "lists no page of its own host that can be visited: left out of the sitemap: 1 entry (1 other host; such"
    assert reason in await refused(site, sitemap=sitemap)


async def test_no_page_left_is_refused(site: SitemapSite) -> None:
    """An empty sitemap, and filters that keep nothing, are refused: a crawl of no pages is a mistake."""
    assert "lists no pages" in await refused(site, sitemap=site.urlset("/empty.xml"))
    sitemap = site.urlset("/s.xml", "/a")
    assert "none of its 1 pages passes" in await refused(site, sitemap=sitemap, include=["/docs/*"])


async def test_a_dead_file_of_an_index_costs_its_pages_and_is_told(
    site: SitemapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of an index that is HTML, gone, or down again and again is left out and named; the others' pages run."""
    monkeypatch.setattr("trapline_dispatcher.runs.pages.AGAIN_AFTER", (0.0, 0.0))
    site.put("/1.xml", "<!doctype html><p>Sorry")
    site.put("/down.xml", "", status="503 Busy")
    site.urlset("/2.xml", "/a")
    sitemap = site.index("/s.xml", "/1.xml", "/gone.xml", "/down.xml", "/2.xml")
    found, left_out = await expanded(site, sitemap=sitemap)
    assert found == ["/a"]
    assert left_out == (
        "left out of the sitemap: the pages of 3 files of the index (/1.xml: an HTML page, not a sitemap)"
    )
    assert site.asked.count("/down.xml") == 3
    only = site.index("/only.xml", "/gone.xml")
    assert f"{site.origin}/gone.xml: HTTP 404" in await refused(site, sitemap=only)


async def test_headers_cookies_and_user_agent_go_to_the_own_origin_alone(site: SitemapSite) -> None:
    """The sitemap's own origin gets what the pages get, secrets too; no redirect carries it on or brings it back."""
    sends: dict[str, object] = {
        "headers": {"Authorization": "Basic ${secret:K}"},
        "cookies": {"sid": "${secret:K}", "shop": {"value": "1", "path": "/shop"}},
        "user_agent": "OurBot/1",
    }
    async with sitemap_site() as other:
        site.urlset("/s.xml", "/a")
        site.index("/i.xml", "/s.xml")
        back = other.redirect("/back", site.origin + "/i.xml")
        site.redirect("/away", back)
        assert await pages(site, sitemap=site.origin + "/i.xml", **sends) == ["/a"]
        await pages(site, sitemap=site.origin + "/away", **sends)
        asked = site.heads + other.heads
        heads = {path: [head for at, head in asked if at == path] for path in ("/i.xml", "/back", "/s.xml")}
    assert [head.get("authorization") for head in heads["/i.xml"]] == ["Basic s3cr3t-value", None]
    assert [head.get("cookie") for head in heads["/i.xml"]] == ["sid=s3cr3t-value", None]
    assert [head.get("authorization") for head in heads["/s.xml"]] == ["Basic s3cr3t-value"] * 2
    assert [(head.get("authorization"), head.get("cookie")) for head in heads["/back"]] == [(None, None)]
    assert {head["user-agent"] for found in heads.values() for head in found} == {"OurBot/1"}


async def test_a_secret_never_comes_back_as_a_page(site: SitemapSite) -> None:
    """A sitemap that lists what it was sent makes no page of it, and no message shows it."""
    sends: dict[str, object] = {"headers": {"X-Key": "${secret:K}"}}
    sitemap = site.urlset("/s.xml", "/a", "/?k=s3cr3t-value", "http://elsewhere.example/s3cr3t-value", "x:s3cr3t-value")
    found, left_out = await expanded(site, sitemap=sitemap, **sends)
    assert found == ["/a"]
    assert left_out is not None
    assert "s3cr3t" not in left_out
    missing = await refused(site, sitemap=sitemap, headers={"X-Key": "${secret:NONE}"})
    assert "there is no secret named NONE, which the sitemap is fetched with" in missing


async def test_nesting_is_bounded(site: SitemapSite) -> None:
    """Indexes below indexes end somewhere."""
    for depth in range(6):
        site.index(f"/{depth}.xml", f"/{depth + 1}.xml")
    assert "an index below 3 other indexes" in await refused(site, sitemap=site.origin + "/0.xml")
