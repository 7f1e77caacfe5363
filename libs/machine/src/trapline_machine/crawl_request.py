"""The command line of ``trapline crawl``, and which crawls of the file it names."""

from dataclasses import dataclass
from pathlib import Path

from trapline_common.config.models import Config, CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_machine.settings import RuntimeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRequest:
    """The command line of `trapline crawl`, read."""

    file: Path
    """The ``crawls.yaml``."""
    only: tuple[str, ...]
    """The crawls that were named; empty: every enabled one."""
    as_json: bool
    """Whether standard output is for one JSON object alone."""
    settings: RuntimeSettings
    """What the command line and the environment say of this machine."""


def chosen(config: Config, request: CrawlRequest) -> list[CrawlConfig]:
    """Return the crawls to open: those named, enabled or not, else every enabled one. Raises ``InputRefusedError``."""
    for name in request.only:
        if name not in config.crawls:
            known = ", ".join(sorted(config.crawls))
            raise InputRefusedError(f"{request.file}: --only {name}: no such crawl; it has {known}")
    if request.only:
        return [config.crawls[name] for name in dict.fromkeys(request.only)]
    enabled = [crawl for crawl in config.crawls.values() if crawl.enabled]
    if not enabled:
        raise InputRefusedError(f"{request.file}: crawls: none is enabled; name one with --only")
    return enabled
