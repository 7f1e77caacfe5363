"""``${secret:NAME}`` resolved for one visit, and kept out of everything that is stored, logged or sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, quote_plus

from trapline_common.config.models import CrawlConfig
from trapline_common.config.secrets import REFERENCE, secret_names
from trapline_common.config.steps import Step
from trapline_common.domain.errors import TraplineError
from trapline_common.domain.ports import SecretSource


class SecretMissingError(TraplineError):
    """A crawl refers to a secret that can't be resolved; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A crawl with its references replaced, for use at the visit only; never logged (``repr`` shows no values)."""

    crawl: CrawlConfig
    """The crawl, secrets in it."""
    values: dict[str, str]
    """The secrets by name; empty ones are left out."""
    secret_fields: tuple[str, ...] = ()
    """Selectors of the fields that its steps fill with a secret."""

    def __repr__(self) -> str:
        return f"Resolved({self.crawl.name!r}, secrets={sorted(self.values)})"

    def scrub(self, text: str) -> str:
        """Return ``text`` with every secret's value, also as URLs, HTML and JSON write it, replaced by a reference."""
        for name, value in sorted(self.values.items(), key=lambda item: -len(item[1])):
            for form in sorted(_forms(value), key=len, reverse=True):
                text = text.replace(form, f"${{secret:{name}}}")
        return text


def _forms(value: str) -> set[str]:
    """Return how a page, a URL or a script may write a value; a page collapses its spaces where it shows it."""
    in_json = json.dumps(value)[1:-1]
    urls = {quote(value), quote(value, safe=""), quote_plus(value)}
    html = {escape(value), escape(value, quote=False), value.replace("&", "&amp;")}
    return {form for form in {value, " ".join(value.split()), in_json, *urls, *html} if form}


async def resolve(crawl: CrawlConfig, source: SecretSource) -> Resolved:
    """Resolve every reference that a visit uses. Raises ``SecretMissingError``."""
    dumped = crawl.model_dump(include={"headers", "cookies", "user_agent", "expect", "steps"})
    names = secret_names(repr(dumped))
    if not names:
        return Resolved(crawl=crawl, values={})
    values: dict[str, str] = {}
    for name in names:
        try:
            values[name] = await source.resolve(name)
        except KeyError as error:
            raise SecretMissingError(f"there is no secret named {name}") from error

    def put(text: str) -> str:
        return REFERENCE.sub(lambda match: values[match["name"]], text)

    return Resolved(
        values={name: value for name, value in values.items() if value},
        secret_fields=tuple(
            field.selector for step in crawl.steps if (field := step.fill or step.select) and secret_names(field.value)
        ),
        crawl=crawl.model_copy(
            update={
                "headers": {name: put(value) for name, value in crawl.headers.items()},
                "cookies": tuple(c.model_copy(update={"value": put(c.value)}) for c in crawl.cookies),
                "user_agent": None if crawl.user_agent is None else put(crawl.user_agent),
                "expect": crawl.expect.model_copy(
                    update={
                        "contains": None if crawl.expect.contains is None else put(crawl.expect.contains),
                        "fields": {name: put(value) for name, value in crawl.expect.fields.items()},
                    }
                ),
                "steps": tuple(_resolved_step(step, put) for step in crawl.steps),
            }
        ),
    )


def _resolved_step(step: Step, put: Callable[[str], str]) -> Step:
    for kind in ("fill", "select"):
        if (field := getattr(step, kind)) is not None:
            return step.model_copy(update={kind: field.model_copy(update={"value": put(field.value)})})
    return step
