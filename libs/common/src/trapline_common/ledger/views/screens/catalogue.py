"""Every screen by its name: what it is asked with, what it answers, and how it is read and written as JSON."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import asyncpg
from pydantic import TypeAdapter, ValidationError

from trapline_common.domain.errors import InputRefusedError, OtherReleaseError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrations
from trapline_common.ledger.views.database import schema_version
from trapline_common.ledger.views.screens import lists, machine
from trapline_common.ledger.views.screens.crawl import CrawlParameters, CrawlScreen, crawl_screen
from trapline_common.ledger.views.screens.overview import Overview, OverviewParameters, overview
from trapline_common.ledger.views.screens.page import PageParameters, PageScreen, page_screen
from trapline_common.ledger.views.screens.run import RunParameters, RunScreen, run_screen

_NOT_THERE = (asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedTableError)
"""What Postgres says of a statement that was written for another schema."""
SECONDS = 5.0
"""For one statement of a screen: longer than that nobody waits, and a ledger that is busy is spared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One screen."""

    asked_type: type
    """The class of its parameters."""
    answer_type: type
    """The class of its model."""
    asked: TypeAdapter[Any]
    """Its parameters."""
    answer: TypeAdapter[Any]
    """Its model."""
    read: Callable[[Database, Any], Awaitable[Any]]
    """Reads it, in a transaction."""

    def parameters(self, given: Mapping[str, str]) -> Any:
        """Return its parameters. Raises ``InputRefusedError`` that names the wrong one; unknown ones are passed over.

        An empty value is none: forms send those of fields that nobody filled.
        """
        known = self.asked.json_schema().get("properties", {})
        try:
            return self.asked.validate_python({key: text for key, text in given.items() if text and key in known})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputRefusedError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error


def _screen(asked: type, answer: type, read: Callable[[Database, Any], Awaitable[Any]]) -> Screen:
    return Screen(asked_type=asked, answer_type=answer, asked=TypeAdapter(asked), answer=TypeAdapter(answer), read=read)


SCREENS: Mapping[str, Screen] = MappingProxyType(
    {
        "overview": _screen(OverviewParameters, Overview, overview),
        "runs": _screen(lists.RunsParameters, lists.RunsScreen, lists.runs_screen),
        "run": _screen(RunParameters, RunScreen, run_screen),
        "pages": _screen(lists.PagesParameters, lists.PagesScreen, lists.pages_screen),
        "page": _screen(PageParameters, PageScreen, page_screen),
        "crawl": _screen(CrawlParameters, CrawlScreen, crawl_screen),
        "changes": _screen(lists.ChangesParameters, lists.ChangesScreen, lists.changes_screen),
        "failures": _screen(lists.FailuresParameters, lists.FailuresScreen, lists.failures_screen),
        "lanes": _screen(machine.LanesParameters, machine.LanesScreen, machine.lanes_screen),
        "invocations": _screen(machine.InvocationsParameters, machine.InvocationsScreen, machine.invocations_screen),
        "alerts": _screen(lists.AlertsParameters, lists.AlertsScreen, lists.alerts_screen),
        "costs": _screen(machine.CostsParameters, machine.CostsScreen, machine.costs_screen),
        "find": _screen(lists.FindParameters, lists.FindScreen, lists.find_screen),
    }
)
"""By the name that `trapline view` takes."""


def named_screen(name: str) -> Screen:
    """Return a screen. Raises ``InputRefusedError`` with what there is."""
    if name not in SCREENS:
        raise InputRefusedError(f"no screen {name[:100]}; they are {', '.join(SCREENS)}")
    return SCREENS[name]


async def read_screen(database: Database, name: str, given: Mapping[str, str]) -> Any:
    """Return a screen's model, all of it as of one moment.

    Raises ``InputRefusedError`` for parameters that are wrong and for what is not there, ``LedgerUnavailableError``
    when the ledger is away or takes too long, ``OtherReleaseError`` when its schema is none that this release can read.
    """
    screen = named_screen(name)
    asked = screen.parameters(given)
    try:
        async with database.snapshot(seconds=SECONDS):
            return await screen.read(database, asked)
    except _NOT_THERE as error:
        raise OtherReleaseError(await _of_another_release(database)) from error


async def _of_another_release(database: Database) -> str:
    found, known = await schema_version(database) or 0, migrations()[-1].version
    todo = "install the release that migrated it" if found > known else "run `trapline migrate`"
    return f"the ledger's schema is at version {found}, and this release of Trapline reads version {known}; {todo}"
