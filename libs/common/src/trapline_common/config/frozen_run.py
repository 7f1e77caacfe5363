"""The config and the fingerprint that the dispatcher froze at a run's opening."""

import json
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from trapline_common.config.choices import Isolation
from trapline_common.config.fields import FROZEN
from trapline_common.config.models import AlertConfig, CrawlConfig
from trapline_common.domain.errors import ConfigUnreadableError
from trapline_common.domain.ids import RunId

SHOWN = 3
"""Problems that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRun:
    """The part of a run's row by which its visits are made and judged; the dispatcher wrote it at the opening."""

    run_id: RunId
    """The run."""
    crawl: CrawlConfig
    """The effective config of that time; without ``urls`` when only visits need it."""
    fingerprint: str
    """Of what the crawl compares (``config.fingerprint``), as the release that opened the run computed it."""


def frozen_text(crawl: CrawlConfig) -> str:
    """Return the config as a run freezes it.

    Without ``isolation: clean``: to a release that does not know the word, nothing said is ``page``, the stricter form;
    to this one it is ``clean``.
    """
    return crawl.model_dump_json(exclude={"isolation"} if crawl.isolation is Isolation.CLEAN else None)


def read_config(text: str, *, run_id: RunId) -> CrawlConfig:
    """Read a frozen config; fields it does not know are ignored, here and nowhere else.

    A newer release may have frozen them: services deploy in any order. Raises ``ConfigUnreadableError`` for a value
    that this release does not know, which another release may.
    """
    try:
        return CrawlConfig.model_validate_json(text, extra="ignore", context=FROZEN)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(f"{_path(one['loc']) or 'config'}: {one['msg']}" for one in problems[:SHOWN])
        raise ConfigUnreadableError(f"this release can't read the config of run {run_id}: {shown}") from error


def _path(loc: tuple[int | str, ...]) -> str:
    """Return a problem's place, without the steps of pydantic's own, which stand in brackets: the form of a value."""
    return ".".join(part for part in map(str, loc) if not part.startswith("["))


def failing_config(text: str, *, crawl: str, lane: str) -> CrawlConfig:
    """Return what a failure, or the end of a run, needs of a frozen config: the crawl's name, its lane, its alerts.

    Any config gives that much, so that no run is kept open by the release that opened it. An ``alert`` that this
    release can't read is the default one: every channel hears of it.
    """
    alert = AlertConfig()
    with suppress(ValidationError):
        config = json.loads(text)
        alert = AlertConfig.model_validate(config.get("alert", {}) if isinstance(config, dict) else {}, extra="ignore")
    return CrawlConfig.model_construct(name=crawl, lane=lane, alert=alert)
