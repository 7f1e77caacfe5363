"""As whom a crawl's sitemap is fetched: with its headers and cookies, on the origins that its pages are written for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from trapline_common.config.models import CrawlConfig
from trapline_common.config.secrets import REFERENCE, secret_names
from trapline_common.config.urls import origin_of
from trapline_common.content.secret_finder import SecretFinder
from trapline_common.domain.errors import InputRefusedError, SecretUnreadableError
from trapline_common.domain.ports import SecretSource
from trapline_common.egress.fetch import Sender

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapSender:
    """The sender, and what keeps its secrets out of everything that is stored, logged or told."""

    sender: Sender
    """Whose requests go out."""
    finder: SecretFinder = field(repr=False)
    """Finds the secrets that it sends."""


async def sitemap_sender(crawl: CrawlConfig, secrets: SecretSource) -> SitemapSender:
    """Resolve what the requests of a sitemap carry. Raises ``InputRefusedError`` that names a secret there is none of.

    ``TransientError``: the store of secrets can't be reached.
    """
    values: dict[str, str] = {}
    for text in (*crawl.headers.values(), *(cookie.value for cookie in crawl.cookies)):
        for name in secret_names(text):
            try:
                values[name] = values.get(name) or await secrets.resolve(name)
            except SecretUnreadableError as error:
                reason = f"the secret {name}, which the sitemap is fetched with: {error.reason}"
                raise InputRefusedError(reason) from error
            except KeyError as error:
                raise InputRefusedError(
                    f"there is no secret named {name}, which the sitemap is fetched with"
                ) from error
    named = [*crawl.urls, *([] if crawl.sitemap is None else [crawl.sitemap])]
    sender = Sender(
        user_agent=crawl.user_agent,
        headers=tuple((name, _put(text, values)) for name, text in crawl.headers.items()),
        cookies=tuple((cookie.name, _put(cookie.value, values), cookie.path) for cookie in crawl.cookies),
        origins=frozenset(map(origin_of, named)),
    )
    return SitemapSender(sender=sender, finder=SecretFinder(values))


def _put(text: str, values: Mapping[str, str]) -> str:
    value = REFERENCE.sub(lambda found: values[found["name"]], text)
    if _UNSENDABLE.search(value):
        named = ", ".join(secret_names(text))
        raise InputRefusedError(f"the secret {named} holds a line break or another control character: it can't be sent")
    return value
