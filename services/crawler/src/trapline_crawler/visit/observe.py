"""From a load to an observation. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from trapline_common.config.regex import Regex, compile_regex
from trapline_common.content.ignored_text import without_ignored
from trapline_common.content.secret_finder import SecretFinder
from trapline_common.content.text import content_hash, kept, normalise
from trapline_common.domain.observation import Observation, Reason
from trapline_crawler.visit.blocked import challenge
from trapline_crawler.visit.expectations import judge, logged_out
from trapline_crawler.visit.extracted import with_patterns
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Loaded
from trapline_crawler.visit.nothing_shown import nothing_shown
from trapline_crawler.visit.page_script import (
    LONGEST_FIELD,
    LONGEST_PROBLEM,
    LONGEST_TEXT,
    LONGEST_TITLE,
    LONGEST_URL,
    Reading,
)
from trapline_crawler.visit.resolved_secrets import Resolved

_TELLING = 4
"""Characters of a secret at the end of a text, which may have been cut there, that are no chance."""


def observe(url: str, loaded: Loaded, resolved: Resolved, limits: VisitLimits, *, milliseconds: float) -> Observation:
    """Return what the visit found: secrets scrubbed, then judged, text normalised, hashed whole and then bounded."""
    finder, failure = resolved.finder, loaded.failure
    observation = Observation(
        url=url,
        status=loaded.status,
        redirects=loaded.redirects,
        retry_after=loaded.retry_after,
        final_url=None if loaded.final_url is None else without_secrets(loaded.final_url, finder, longest=LONGEST_URL),
    )
    if failure is not None:  # of what the browser said there is the first line
        failure = replace(failure, detail=" ".join(finder.scrub_cut(failure.detail, least=_TELLING).split()))
    if loaded.found is None:
        return replace(observation, failure=failure)
    found = _scrubbed(loaded.found, finder)
    patterns = [compile_regex(pattern) for pattern in resolved.crawl.ignored_patterns]
    text = None if found.text is None else _without(found.text, patterns, finder)
    matched, unmatched = with_patterns(resolved.crawl.extract, found.fields, found.text)
    found = replace(found, problems=(*found.problems, *unmatched))
    fields = {name: None if value is None else _without(value, patterns, finder) for name, value in matched.items()}
    # The first fault explains the others: a page that did not load in time has no price yet either, and one that
    # asks for a log-in never shows what the visit waited for.
    crawl = resolved.crawl
    judged = (
        failure or judge(replace(found, fields=fields), text, loaded.status, crawl) or nothing_shown(found, text, crawl)
    )
    if blocked := challenge(found, loaded.status, crawl, judged, loaded.headers):
        failure = blocked
    elif failure is None or failure.reason is Reason.WAIT_FOR:
        failure = logged_out(found, loaded.status, crawl, url=loaded.found.url) or judged
    return replace(
        observation,
        timings=replace(found.timings, total=round(milliseconds, 1)),
        size=found.size,
        title=found.title,
        text=None if text is None else kept(text, limits.text),
        fields=fields,
        content_hash=None if text is None else content_hash(text, fields),
        console_errors=found.errors,
        note=_left_out(found),
        language=found.language,
        failure=None if failure is None else replace(failure, detail=" ".join(failure.detail.split())),
    )


def _left_out(found: Reading) -> str | None:
    """Return what the reading lacks, for people; ``None``: nothing."""
    lacks = ["read without some of its parts, which had not come"] if found.frames_open or not found.is_loaded else []
    if found.frames_left_out:
        lacks.append("read without some frames of other sites, which did not answer or were too many")
    return "; ".join(lacks) or None


def _scrubbed(found: Reading, finder: SecretFinder) -> Reading:
    """Return the reading without secrets, texts normalised: the one that everything else is made of."""

    def clean(text: str, longest: int) -> str:
        return normalise(without_secrets(text, finder, longest=longest))

    return replace(
        found,
        title=clean(found.title, LONGEST_TITLE),
        text=None if found.text is None else clean(found.text, LONGEST_TEXT),
        fields={name: None if value is None else clean(value, LONGEST_FIELD) for name, value in found.fields.items()},
        problems=tuple(without_secrets(one, finder, longest=LONGEST_PROBLEM) for one in found.problems),
        url=without_secrets(found.url, finder, longest=LONGEST_URL),
    )


def without_secrets(text: str, finder: SecretFinder, *, longest: int) -> str:
    """Return what is left of ``text``, at most ``longest`` characters, without secrets.

    A text that was cut at ``longest``, by a script or here, loses the beginning of a secret at its end too.
    """
    # A script counts a character beyond the basic plane as two. The encoder counts a long text faster than a loop.
    if len(text) * 2 < longest or len(text.encode("utf-16-le", "surrogatepass")) // 2 < longest:
        return finder.scrub(text)
    return finder.scrub_cut(text[:longest])


def _without(text: str, patterns: Sequence[Regex], finder: SecretFinder) -> str:
    """Return a normalised text without what the crawl ignores; two halves of a secret may meet where that stood."""
    kept = without_ignored(text, patterns)
    return kept if kept == text else finder.scrub_again(kept)
