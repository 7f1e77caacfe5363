"""The expansion of a crawl into pages, against a real HTTP server."""

import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from support.gates import loopback_gate
from support.sitemap_site import SitemapSite, sitemap_site
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.http_fetch import HttpFetch
from trapline_dispatcher.runs.pages import expand


@pytest_asyncio.fixture
async def site() -> AsyncIterator[SitemapSite]:
    """Run a server for one test."""
    async with sitemap_site() as running:
        yield running


async def pages(site: SitemapSite, **values: object) -> list[str]:
    """Expand a crawl and return its pages, those of the server without its origin."""
    crawl = CrawlConfig.model_validate({"name": "docs", **values})
    return [url.removeprefix(site.origin) for url in await expand(crawl, HttpFetch(gate=loopback_gate(), timeout=10))]


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
    with capture_logs() as logs:
        assert await pages(site, sitemap=sitemap, limit=2) == ["/a", "/b"]
    assert site.asked == ["/s.xml", "/1.xml"]
    assert [entry["event"] for entry in logs] == ["sitemap_limit_reached"]


async def test_other_hosts_and_bad_entries_are_dropped_and_counted(site: SitemapSite) -> None:
    """What sitemaps.org forbids is left out, with a count and examples in the log."""
    sitemap = site.urlset("/s.xml", "/a", "http://elsewhere.example/x", "file:///etc/passwd", "http://u:p@h/", "b")
    with capture_logs() as logs:
        assert await pages(site, sitemap=sitemap) == ["/a"]
    assert logs[0]["event"] == "sitemap_entries_dropped"
    assert logs[0]["log_level"] == "warning"
    assert (logs[0]["other_host"], logs[0]["invalid"]) == (1, 3)


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
    assert "lists no page of its own host (1 other host; such as https://www.example.com/a)" in await refused(
        site, sitemap=sitemap
    )


async def test_no_page_left_is_refused(site: SitemapSite) -> None:
    """An empty sitemap, and filters that keep nothing, are refused: a crawl of no pages is a mistake."""
    assert "lists no pages" in await refused(site, sitemap=site.urlset("/empty.xml"))
    sitemap = site.urlset("/s.xml", "/a")
    assert "none of its 1 entries passes" in await refused(site, sitemap=sitemap, include=["/docs/*"])


async def test_html_and_missing_children_are_refused(site: SitemapSite) -> None:
    """One unreadable file of an index refuses the whole: a page is never lost silently."""
    site.put("/1.xml", "<!doctype html><p>Sorry")
    assert f"{site.origin}/1.xml: an HTML page" in await refused(site, sitemap=site.index("/s.xml", "/1.xml"))
    assert f"{site.origin}/gone.xml: HTTP 404" in await refused(site, sitemap=site.index("/s.xml", "/gone.xml"))


async def test_nesting_is_bounded(site: SitemapSite) -> None:
    """Indexes below indexes end somewhere."""
    for depth in range(6):
        site.index(f"/{depth}.xml", f"/{depth + 1}.xml")
    assert "an index below 3 other indexes" in await refused(site, sitemap=site.origin + "/0.xml")
