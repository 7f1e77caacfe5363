"""From a load to an observation. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from trapline_common.config.regex import Regex, compile_regex
from trapline_common.content.ignored_text import without_ignored
from trapline_common.content.text import content_hash, normalise
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_crawler.visit.blocked import challenge
from trapline_crawler.visit.expectations import judge, logged_out
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Loaded
from trapline_crawler.visit.resolved_secrets import Resolved


def observe(url: str, loaded: Loaded, resolved: Resolved, limits: VisitLimits, *, milliseconds: float) -> Observation:
    """Return what the visit found: judged, text normalised, hashed whole and then bounded, secrets scrubbed."""
    found, failure = loaded.found, loaded.failure
    observation = Observation(
        url=url,
        status=loaded.status,
        redirects=loaded.redirects,
        retry_after=loaded.retry_after,
        final_url=None if loaded.final_url is None else resolved.scrub(loaded.final_url),
    )
    if found is None:
        return replace(observation, failure=_scrubbed(failure, resolved))
    patterns = [compile_regex(pattern) for pattern in resolved.crawl.ignored_patterns]
    if patterns:
        found = replace(found, fields={name: _cut(value, patterns) for name, value in found.fields.items()})
    text = None if found.text is None else without_ignored(normalise(resolved.scrub(found.text)), patterns)
    fields = {name: None if value is None else normalise(resolved.scrub(value)) for name, value in found.fields.items()}
    # The first fault explains the others: a page that did not load in time has no price yet either, and one that
    # asks for a log-in never shows what the visit waited for.
    if blocked := challenge(found, loaded.status, resolved.crawl, failure):
        failure = blocked
    elif failure is None or failure.reason is Reason.WAIT_FOR:
        failure = logged_out(found, loaded.status, resolved.crawl) or failure
    failure = failure or judge(found, text, loaded.status, resolved.crawl)
    return replace(
        observation,
        timings=replace(found.timings, total=round(milliseconds, 1)),
        size=found.size,
        title=resolved.scrub(normalise(found.title)),
        text=None if text is None else _bounded(text, limits.text),
        fields=fields,
        content_hash=None if text is None else content_hash(text, fields),
        console_errors=found.errors,
        failure=_scrubbed(failure, resolved),
    )


def _cut(value: str | None, patterns: Sequence[Regex]) -> str | None:
    return None if value is None else without_ignored(normalise(value), patterns)


def _scrubbed(failure: Failure | None, resolved: Resolved) -> Failure | None:
    return None if failure is None else replace(failure, detail=" ".join(resolved.scrub(failure.detail).split()))


def _bounded(text: str, size: int) -> str:
    return text if len(text) * 4 <= size else text.encode()[:size].decode(errors="ignore")
