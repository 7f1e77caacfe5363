"""The stage on which the dispatcher works, and a site with sitemaps."""

from collections.abc import AsyncIterator

import pytest

from support.dispatcher_stage import Stage
from support.postgres import as_role
from support.sitemap_site import SitemapSite, sitemap_site
from trapline_common.ledger.connection import Database


@pytest.fixture
def stage(dsn: str, database: Database) -> Stage:
    """Return the stage of one test; the dispatcher logs in as it does on AWS."""
    return Stage(dsn=as_role(dsn, "trapline_dispatcher"), database=database)


@pytest.fixture
async def site() -> AsyncIterator[SitemapSite]:
    """Return a real HTTP server on loopback."""
    async with sitemap_site() as found:
        yield found
