"""The view of a deployment shows what the view of its ledger would show."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from support.postgres import as_role
from support.web_stage import Stage, addresses
from support.web_view import Recorded, served
from trapline.operator.perform import perform
from trapline.remote.allowlist import LOOKING
from trapline.remote.terminal import build_call
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.screens.catalogue import SCREENS, read_screen
from trapline_common.platform.plain_json import plain
from trapline_web.ports import Outcome
from trapline_web.remote import RemoteActions, RemoteViews, signed_address


class Reader:
    """The reader function, in this process: the code that it runs, on a ledger of this test."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.calls = 0
        self.largest = 0

    async def __call__(self, command: Sequence[str]) -> Outcome:
        """Perform a command, in a thread of its own as the command needs it."""
        self.calls += 1
        done = await asyncio.to_thread(perform, build_call(list(command)), address=lambda: self._dsn, performed=LOOKING)
        self.largest = max(self.largest, len(done.stdout))
        return Outcome(exit=done.exit, out=done.stdout, err=done.stderr)


def still(value: Any, *, depth: int = 0) -> Any:
    """Return a screen without what goes on while it is read: the moment, and for how long something has lasted."""
    if isinstance(value, list):
        return [still(each, depth=depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    passing = {"seconds", "oldest_due_seconds"} | ({"at"} if depth < 2 else set())
    return {key: still(each, depth=depth + 1) for key, each in value.items() if key not in passing}


def _asked(stage: Stage) -> dict[str, dict[str, str]]:
    return {
        "run": {"id": str(stage.seeded.last["products"])},
        "crawl": {"name": "products"},
        "page": {"id": str(stage.seeded.pages["https://shop.example/products/kettle"])},
        "find": {"q": "kettle"},
        "changes": {"crawl": "products"},
    }


async def test_each_screen_is_one_call_and_the_same_as_here(shop: Stage) -> None:
    """LedgerViews and RemoteViews agree, but for the moment; no answer is larger than 300 kB."""
    reader = Reader(as_role(shop.dsn, "trapline_reader"))
    views = RemoteViews(reader)
    async with await Database.connect(shop.dsn) as database:
        for number, name in enumerate(SCREENS, start=1):
            given = _asked(shop).get(name, {})
            here, there = await read_screen(database, name, given), await views.read(name, given)
            assert still(plain(here)) == still(plain(there)), name
            assert type(here) is type(there)
            assert reader.calls == number
    assert reader.largest < 300_000


async def test_each_address_is_one_call(shop: Stage) -> None:
    """Also what a page is made of beside its model; a page that only asks needs none."""
    reader = Reader(as_role(shop.dsn, "trapline_reader"))
    async with served(shop.dsn, shop.artifacts, views=RemoteViews(reader), actions=Recorded()) as view:
        for name, path in addresses(shop).items():
            before = reader.calls
            assert (await view.get(path)).status == 200, name
            assert reader.calls - before == (name != "cancel"), name


async def test_what_is_wrong_there_is_said_here(shop: Stage) -> None:
    """A thing that is not there, a wrong parameter without a call, an artifact that no visit has."""
    reader = Reader(as_role(shop.dsn, "trapline_reader"))
    views = RemoteViews(reader)
    with pytest.raises(InputRefusedError, match="no run 999"):
        await views.read("run", {"id": "999"})
    assert reader.calls == 1
    with pytest.raises(InputRefusedError, match="id"):
        await views.read("run", {"id": "x"})
    assert reader.calls == 1
    with pytest.raises(KeyError):
        await signed_address(reader, "ab/" + "ab" * 32 + ".png")


async def test_a_function_that_fails_is_away(shop: Stage) -> None:
    """Exit codes other than a refusal are of the machine, and tried again by the next look."""

    async def away(_command: Sequence[str]) -> Outcome:
        return Outcome(exit=4, out="", err="trapline: Postgres: away\n")

    with pytest.raises(TransientError, match="Postgres: away"):
        await RemoteViews(away).read("overview", {})
    assert (await RemoteActions(away).perform(["cancel", "7"])).exit == 4


async def test_an_option_of_this_machine_is_not_sent(shop: Stage) -> None:
    """A name of a crawl that looks like an option stays a name."""
    with pytest.raises(InputRefusedError):
        await RemoteViews(Reader(as_role(shop.dsn, "trapline_reader"))).read("crawl", {"name": "--database-url=x"})
