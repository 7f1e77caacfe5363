"""What a run froze when it was opened."""

from dataclasses import dataclass

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRun:
    """What a run froze when it was opened."""

    run_id: RunId
    crawl: CrawlConfig
    fingerprint: str
