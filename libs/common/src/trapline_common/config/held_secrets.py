"""Which secrets a crawl refers to, and which origins their headers and cookies were written for."""

from collections.abc import Iterable, Iterator

from trapline_common.config.models import CrawlConfig
from trapline_common.config.secrets import secret_names
from trapline_common.config.urls import origin_of, origin_text


def held_secrets(crawl: CrawlConfig) -> tuple[str, ...]:
    """Return the names of the secrets that a visit of the crawl resolves, each once."""
    return tuple(dict.fromkeys(name for text in _texts(crawl) if "${" in text for name in secret_names(text)))


class SecretOrigins:
    """The origins whose pages may get the crawl's headers and cookies: those that the file itself names.

    A sitemap's own entries, and pages added from outside, name no origin. A crawl without a secret in a header or a
    cookie may go anywhere.
    """

    def __init__(self, crawl: CrawlConfig) -> None:
        sent = [*crawl.headers.values(), *(cookie.value for cookie in crawl.cookies)]
        self._bound = any("${" in text and secret_names(text) for text in sent)
        named = [*crawl.urls, *([] if crawl.sitemap is None else [crawl.sitemap])] if self._bound else []
        self._texts = dict.fromkeys(map(origin_text, named))
        self._origins = {origin_of(url) for url in named}

    def __contains__(self, url: str) -> bool:
        """Tell whether the page at ``url`` may get the secrets, or there are none to get."""
        return not self._bound or origin_of(url) in self._origins

    def refusal(self, urls: Iterable[str]) -> str | None:
        """Return why one of the pages can't be visited, in words; ``None`` when each can."""
        strange = next((url for url in urls if url not in self), None)
        if strange is None:
            return None
        named = ", ".join(self._texts) or "no origin"
        return (
            f"{strange}: the secrets in the crawl's headers and cookies are for {named}; if this origin may get them, "
            "name a page of it in `urls`"
        )


def _texts(crawl: CrawlConfig) -> Iterator[str]:
    yield from crawl.headers.values()
    yield from (cookie.value for cookie in crawl.cookies)
    yield crawl.expect.contains or ""
    yield crawl.expect.not_contains or ""
    yield from crawl.expect.fields.values()
    yield from (field.value for step in crawl.steps if (field := step.fill or step.select))
