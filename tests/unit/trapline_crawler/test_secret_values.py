"""Secrets go into what is sent and come out of what is found."""

import pytest

from support.crawling import KnownSecrets, crawl
from trapline_crawler.visit.secret_values import SecretMissingError, resolve


async def test_references_are_replaced_where_a_visit_uses_them():
    """Headers, cookies, user agent and expectations get the values; the crawl itself keeps its references."""
    config = crawl(
        headers={"A": "x ${secret:ONE} y"},
        cookies=[{"name": "c", "value": "${secret:TWO}"}],
        user_agent="${secret:ONE}",
        expect={"contains": "${secret:TWO}", "fields": {"f": "== ${secret:ONE}"}},
    )
    resolved = await resolve(config, KnownSecrets(values={"ONE": "1st", "TWO": "2nd"}))
    assert resolved.crawl.headers == {"A": "x 1st y"}
    assert resolved.crawl.cookies[0].value == "2nd"
    assert resolved.crawl.user_agent == "1st"
    assert resolved.crawl.expect.contains == "2nd"
    assert resolved.crawl.expect.fields == {"f": "== 1st"}
    assert config.headers == {"A": "x ${secret:ONE} y"}
    assert "1st" not in repr(resolved)


async def test_scrubbing_finds_every_form():
    """A value is replaced by its reference as it stands and as URLs write it, the longer value first."""
    source = KnownSecrets(values={"SHORT": "ab", "LONG": "ab c/d"})
    resolved = await resolve(crawl(headers={"A": "${secret:SHORT}${secret:LONG}"}), source)
    assert resolved.scrub("ab c/d ab%20c/d ab%20c%2Fd ab+c%2Fd ab") == " ".join(
        ["${secret:LONG}"] * 4 + ["${secret:SHORT}"]
    )


async def test_crawl_without_references_asks_for_nothing():
    """A crawl that refers to no secret is used as it is."""
    config = crawl(headers={"A": "plain"})
    assert (await resolve(config, KnownSecrets())).crawl is config


async def test_missing_secret_is_named():
    """A secret that is not there is an error that names it."""
    with pytest.raises(SecretMissingError, match="NOWHERE"):
        await resolve(crawl(headers={"A": "${secret:NOWHERE}"}), KnownSecrets())
