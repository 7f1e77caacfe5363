"""``${secret:NAME}`` resolved for one visit, and kept out of everything that is stored, logged or sent."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from trapline_common.config.comparison import Operator, parse_comparison
from trapline_common.config.held_secrets import held_secrets
from trapline_common.config.models import CrawlConfig
from trapline_common.config.parts import Cookie, Expect
from trapline_common.config.secrets import NOT_IN_THE_USER_AGENT, REFERENCE, secret_names
from trapline_common.config.steps import Step
from trapline_common.content.secret_finder import SecretFinder
from trapline_common.domain.errors import SecretUnreadableError, TraplineError
from trapline_common.domain.ports import SecretSource
from trapline_common.platform.logging import keep_out

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no header holds: a line break would end it, and begin another of the secret's own."""


_logged: deque[tuple[str, str]] = deque(maxlen=256)
"""The newest secrets, names with values, that this process has resolved: its logs hold none of them."""


class SecretMissingError(TraplineError):
    """A crawl refers to a secret that can't be resolved, or not be used where it stands; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A crawl, and beside it what its references stand for, for use at the visit only.

    ``crawl`` is the crawl as it is written: what anybody composes of it holds references and no secret. Only the fields
    that ``repr`` leaves out hold any.
    """

    crawl: CrawlConfig
    """The crawl with its references. In ``expect`` they match what ``finder`` puts in place of a secret."""
    headers: Mapping[str, str] = field(repr=False)
    """The crawl's headers, secrets in them."""
    cookies: tuple[Cookie, ...] = field(repr=False)
    """The crawl's cookies, secrets in them."""
    steps: tuple[Step, ...] = field(repr=False)
    """The crawl's steps, secrets in them."""
    finder: SecretFinder = field(repr=False)
    """Finds the crawl's secrets in a text."""
    secret_fields: tuple[str, ...] = ()
    """Selectors of the fields that its steps fill with a secret."""

    def scrub(self, text: str) -> str:
        """Return ``text`` with each secret's reference in place of it, however it is written."""
        return self.finder.scrub(text)


async def resolve(crawl: CrawlConfig, source: SecretSource) -> Resolved:
    """Resolve every reference that a visit uses. Raises ``SecretMissingError``."""
    if crawl.user_agent is not None and secret_names(crawl.user_agent):
        raise SecretMissingError(f"user_agent: {NOT_IN_THE_USER_AGENT}")
    values: dict[str, str] = {}
    for name in held_secrets(crawl):
        try:
            values[name] = await source.resolve(name)
        except SecretUnreadableError as error:
            raise SecretMissingError(f"the secret {name}: {error.reason}") from error
        except KeyError as error:
            raise SecretMissingError(f"there is no secret named {name}") from error
    finder = _finder(tuple(values.items()))
    _keep_out_of_logs(values)

    def put(text: str) -> str:
        return REFERENCE.sub(lambda match: values[match["name"]], text)

    return Resolved(
        crawl=crawl.model_copy(update={"expect": _expected(crawl.expect, values)}),
        headers={name: _sendable(f"header {name}", value, put) for name, value in crawl.headers.items()},
        cookies=tuple(
            cookie.model_copy(update={"value": _sendable(f"cookie {cookie.name}", cookie.value, put)})
            for cookie in crawl.cookies
        ),
        steps=tuple(_resolved_step(step, put) for step in crawl.steps),
        finder=finder,
        secret_fields=tuple(
            field.selector for step in crawl.steps if (field := step.fill or step.select) and secret_names(field.value)
        ),
    )


def _keep_out_of_logs(values: Mapping[str, str]) -> None:
    """Let no later line of this process hold one of these secrets, nor one of the crawls before."""
    new = [item for item in values.items() if item[1] and item not in _logged]
    if new:
        _logged.extend(new)
        keep_out(SecretFinder(tuple(_logged)).scrub_again)


@lru_cache(maxsize=64)
def _finder(values: tuple[tuple[str, str], ...]) -> SecretFinder:
    """Return the finder of a crawl's secrets; one serves all visits while the secrets stay as they are."""
    return SecretFinder(dict(values))


def _sendable(where: str, text: str, put: Callable[[str], str]) -> str:
    value = put(text)
    if _UNSENDABLE.search(value):
        named = ", ".join(secret_names(text))
        raise SecretMissingError(
            f"{where}: the secret {named} holds a line break or another control character, which can't be sent; "
            "store it without (a file often ends with a line break)"
        )
    return value


def _expected(expect: Expect, values: Mapping[str, str]) -> Expect:
    """Return what to expect of texts in which each secret's reference stands in its place; an empty one has no place.

    A regular expression matches the reference as it stands.
    """

    def written(text: str) -> str:
        return REFERENCE.sub(lambda match: match[0] if values[match["name"]] else "", text)

    def compared(text: str) -> str:
        if not secret_names(text):
            return text
        if parse_comparison(text).operator is Operator.MATCHES:
            return REFERENCE.sub(lambda match: _literal(match[0]) if values[match["name"]] else "", text)
        return written(text)

    return expect.model_copy(
        update={
            "contains": None if expect.contains is None else written(expect.contains),
            "fields": {name: compared(value) for name, value in expect.fields.items()},
        }
    )


def _literal(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z_]", r"\\\g<0>", text)


def _resolved_step(step: Step, put: Callable[[str], str]) -> Step:
    for kind in ("fill", "select"):
        if (field := getattr(step, kind)) is not None:
            return step.model_copy(update={kind: field.model_copy(update={"value": put(field.value)})})
    return step
