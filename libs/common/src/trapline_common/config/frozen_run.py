"""The config and the fingerprint that the dispatcher froze at a run's opening."""

from dataclasses import dataclass

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRun:
    """The part of a run's row by which its visits are made and judged; the dispatcher wrote it at the opening."""

    run_id: RunId
    """The run."""
    crawl: CrawlConfig
    """The effective config of that time; without ``urls`` when only visits need it."""
    fingerprint: str
    """Of what the crawl compares (``config.fingerprint``), as the release that opened the run computed it."""
