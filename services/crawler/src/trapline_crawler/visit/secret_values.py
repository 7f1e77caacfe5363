"""``${secret:NAME}`` resolved for one visit, and kept out of all that is stored, logged or sent."""

from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from trapline_common.config.models import CrawlConfig
from trapline_common.config.secrets import REFERENCE, secret_names
from trapline_common.errors import TraplineError
from trapline_common.ports import SecretSource


class SecretMissingError(TraplineError):
    """A crawl refers to a secret that can't be resolved; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A crawl with its references replaced, for use at the visit only; never logged (``repr`` shows no values)."""

    crawl: CrawlConfig
    values: dict[str, str]

    def __repr__(self) -> str:
        return f"Resolved({self.crawl.name!r}, secrets={sorted(self.values)})"

    def scrub(self, text: str) -> str:
        """Return ``text`` with every secret's value, also as URLs write it, replaced by its reference."""
        for name, value in sorted(self.values.items(), key=lambda item: -len(item[1])):
            for form in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
                text = text.replace(form, f"${{secret:{name}}}")
        return text


async def resolve(crawl: CrawlConfig, source: SecretSource) -> Resolved:
    """Resolve every reference that a visit uses. Raises ``SecretMissingError``."""
    dumped = crawl.model_dump(include={"headers", "cookies", "user_agent", "expect"})
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
            }
        ),
    )
