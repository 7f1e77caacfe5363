"""Who acts, and on what: a crawl, or one page of it, as a person names it on the command line."""

from dataclasses import dataclass
from difflib import get_close_matches

from trapline.access.command_line import CommandLine
from trapline.access.options import MAX_ID
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import PageId
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.pages import PageRow, find_page, find_pages
from trapline_common.platform.this_user import this_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a person acts on."""

    crawl: str
    """The crawl."""
    page_id: PageId | None = None
    """The page; ``None``: the whole crawl."""
    url: str | None = None
    """The page's address."""

    @property
    def name(self) -> str:
        """Return it in words: ``pricing``, or ``https://example.com/ of pricing``."""
        return self.crawl if self.url is None else f"{self.url} of {self.crawl}"


def acted_by() -> str:
    """Return who acts: in a deployment the caller's AWS identity, as the caller told it; else this machine's user."""
    return CommandLine.current().acted_by or this_user()


async def find_target(database: Database, named: str, page: str | None = None) -> Target:
    """Return what a person named: a page's number or URL, or a crawl, with ``page`` a URL of that crawl.

    Raises ``InputRefusedError`` for a name that nothing has, and for a URL of several crawls.
    """
    if page is not None:
        return await _one_page(database, page, crawl=await _crawl(database, named))
    if named.isascii() and named.isdecimal():
        found = await find_page(database, int(named)) if int(named) <= MAX_ID else None
        if found is None:
            raise InputRefusedError(f"no page {named}; `trapline status` and `trapline diff URL` name pages")
        return _of(found)
    if "://" in named:
        return await _one_page(database, named, crawl=None)
    return Target(crawl=await _crawl(database, named))


def _of(page: PageRow) -> Target:
    return Target(crawl=page.crawl, page_id=PageId(page.id), url=page.url)


async def _crawl(database: Database, name: str) -> str:
    known = await known_crawls.names(database)
    if name in known:
        return name
    meant = get_close_matches(name, known, n=1)
    raise InputRefusedError(f"no crawl {name}" + (f"; did you mean {meant[0]}?" if meant else "; see `trapline runs`"))


async def _one_page(database: Database, url: str, *, crawl: str | None) -> Target:
    try:
        wanted = normalise_url(url)
    except ValueError as error:
        raise InputRefusedError(f"{url}: {error}") from error
    pages = await find_pages(database, wanted, crawl=crawl)
    if not pages:
        where = f"crawl {crawl}" if crawl is not None else "any crawl"
        raise InputRefusedError(f"no page {wanted} in {where}; `trapline tasks --url PART` finds URLs")
    if len(pages) > 1:
        numbers = ", ".join(f"{page.id} of {page.crawl}" for page in pages)
        raise InputRefusedError(f"{wanted} is a page of several crawls; name it by its number: {numbers}")
    return _of(pages[0])
