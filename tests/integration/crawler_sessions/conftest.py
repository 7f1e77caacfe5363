"""Invocations with a real ledger, a real browser and a real site behind a log-in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.crawler_stage import Stage
from support.crawling import LIMITS, KnownSecrets, new_browser
from support.login_site import SECRETS, LoginSite
from support.postgres import as_role
from trapline_common.config.models import CrawlConfig
from trapline_common.egress.gate import Gate
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.services import Pace
from trapline_crawler.visit.visitor import BrowserVisitor


@dataclass(slots=True, kw_only=True)
class SessionStage(Stage):
    """A stage whose invocations visit with a browser of their own."""

    site: LoginSite
    """The site behind the log-in; each test sets it up."""

    def browser_visitor(self, *, gate: Gate | None = None) -> BrowserVisitor:
        """Return a visitor as ``wiring`` makes it, with shorter limits; its gate opens loopback by default."""
        return BrowserVisitor(
            new_browser(gate=gate),
            artifacts=DirectoryArtifacts(self.artifacts),
            secrets=KnownSecrets(values=self.secrets),
            limits=LIMITS,
        )

    def crawl(self, pages: int = 3, **values: object) -> CrawlConfig:
        """Return a crawl of pages behind the log-in."""
        shared = {
            "name": "account",
            "timeout": 20,
            "settle": {"quiet": 0.05},
            "retries": 0,
            "urls": self.site.pages(pages),
        }
        shared |= {"steps": self.site.steps(), "logged_in_check": {"selector": "#who"}, "watch": "h1"}
        shared |= {"alert": {"on": ["failure"], "after_failures": 1}}
        return CrawlConfig.model_validate(shared | values)


@pytest.fixture
def site() -> Iterator[LoginSite]:
    """A site behind a log-in."""
    with LoginSite() as running:
        yield running


@pytest.fixture
def stage(dsn: str, database: Database, tmp_path: Path, site: LoginSite) -> SessionStage:
    """Return the stage of one test; its log-ins may follow each other at once."""
    pace = Pace(linger=0.0, log_in_every=0.0)
    return SessionStage(
        dsn=as_role(dsn, "trapline_crawler"),
        database=database,
        artifacts=tmp_path,
        site=site,
        secrets=dict(SECRETS),
        pace=pace,
    )
