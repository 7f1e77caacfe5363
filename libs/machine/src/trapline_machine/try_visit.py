"""``trapline try``: one visit, nothing stored but the screenshot, in a folder that a person may look at afterwards."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.load import load_config
from trapline_common.config.models import CrawlConfig, Keep, Screenshot
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.observation import Observation
from trapline_common.domain.ports import SecretSource
from trapline_common.egress.gate import Gate
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.visit.expectations import holds, unmet
from trapline_crawler.visit.visitor import BrowserVisitor
from trapline_dispatcher.runs.pages import expand


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One thing that the crawl expects."""

    what: str
    """The expectation, for a person."""
    met: bool
    """Whether the page met it."""
    found: str | None = None
    """What the page had instead, for a person; the crawler's check sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedVisit:
    """One visit, for a person to look at."""

    observation: Observation
    """What the visit found."""
    expectations: tuple[Expectation, ...]
    """Each thing that the crawl expects."""
    screenshot: str | None
    """The path of the screenshot, a file that is kept."""

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        found = asdict(self.observation)
        del found["html"]
        return {
            **found,
            "expectations": [asdict(expectation) for expectation in self.expectations],
            "screenshot": self.screenshot,
        }


async def try_visit(
    file: Path, name: str, url: str | None, *, environ: Mapping[str, str], data_dir: Path
) -> TriedVisit:
    """Visit ``url``, or the crawl's first page, the way the crawl ``name`` does.

    ``data_dir`` is read for secrets alone. Raises ``InputRefusedError``, and ``TransientError`` when the first page is
    in a sitemap that can't be fetched.
    """
    config = load_config(file)
    if name not in config.crawls:
        raise InputRefusedError(f"{file}: no crawl {name!r}; it has {', '.join(sorted(config.crawls))}")
    crawl = config.crawls[name]
    gate = gate_from_env(environ)
    secrets = LocalSecrets(environ, data_dir / "secrets")
    page = await _page(crawl, url, gate, secrets)
    kept = crawl.screenshot not in {Screenshot.NEVER, Screenshot.FAILURE}
    shown = crawl.model_copy(
        update={"screenshot": crawl.screenshot if kept else Screenshot.VIEWPORT, "html": Keep.NEVER}
    )
    artifacts = DirectoryArtifacts(Path(tempfile.mkdtemp(prefix="trapline-try-")))
    choice = find_browser(environ.get("TRAPLINE_BROWSER") or None, environ=environ)
    visitor = BrowserVisitor(
        Browser(choice, environ=environ, proxies=lambda: BrowserProxies(gate)),
        artifacts=artifacts,
        secrets=secrets,
    )
    try:
        observation = await _visit(visitor, page, shown)
    except BrowserFaultError as fault:
        observation = Observation(url=page, failure=fault.failure())
    finally:
        await visitor.close()
    return TriedVisit(
        observation=observation,
        expectations=tuple(judge(crawl, observation)),
        screenshot=None if observation.screenshot is None else artifacts.location(observation.screenshot),
    )


async def _visit(visitor: BrowserVisitor, page: str, crawl: CrawlConfig) -> Observation:
    """Visit ``page``, after the crawl's steps if it has any: nothing kept of an earlier session is used."""
    if not crawl.steps:
        return await visitor.visit(page, crawl)
    begun = await visitor.log_in(page, crawl)
    return await visitor.visit(page, crawl, begun.state) if isinstance(begun, LoggedIn) else begun


async def _page(crawl: CrawlConfig, url: str | None, gate: Gate, secrets: SecretSource) -> str:
    if url is None:
        return (await expand(crawl.model_copy(update={"limit": 1}), HttpFetch(gate=gate), secrets)).urls[0]
    try:
        page = normalise_url(url)
    except ValueError as error:
        raise InputRefusedError(f"URL: {error}") from error
    if strange := SecretOrigins(crawl).refusal([page]):
        raise InputRefusedError(f"URL: {strange}")
    return page


def judge(crawl: CrawlConfig, found: Observation) -> list[Expectation]:
    """Return each thing that ``expect`` names, met or not. A page that was not read meets none."""
    expect = crawl.expect
    expectations = []
    if expect.status is not None:
        met = found.status == expect.status
        expectations.append(
            Expectation(what=f"status {expect.status}", met=met, found=None if met else f"found {found.status}")
        )
    for word, wanted in (("contains", expect.contains), ("not_contains", expect.not_contains)):
        if wanted is not None:
            met = found.text is not None and holds(found.text, wanted) is (word == "contains")
            expectations.append(Expectation(what=f"{word} {wanted!r}", met=met))
    for name, comparison in expect.fields.items():
        complaint = unmet(crawl, name, comparison, found.fields.get(name), found.language)
        expectations.append(Expectation(what=f"{name} {comparison}", met=complaint is None, found=complaint))
    return expectations
