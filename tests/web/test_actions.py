"""Forms: a click does what the command does, a second one nothing more."""

import asyncio
import re
from pathlib import Path

from support.ledger import open_run, urls, value
from support.web_stage import Stage
from support.web_view import Recorded, Served, served
from trapline_common.ledger.connection import Database
from trapline_web.ports import Outcome
from trapline_web.subprocess_actions import SubprocessActions


async def test_a_form_of_a_screen_performs_the_command_and_leads_to_the_run(
    view: Served, shop: Stage, actions: Recorded
) -> None:
    """The mark that a screen shows is taken; the order to run carries an id, so that it opens one run."""
    text = (await view.get("/")).text
    form = re.search(r'action="(/crawls/products/run)"><input type="hidden" name="mark" value="([^"]+)"', text)
    assert form is not None
    reply = await view.post(form[1], {"mark": form[2]})
    assert (reply.status, reply.headers["location"]) == (303, "/runs/1")
    (asked,) = actions.asked
    assert asked[:2] == ("run", "--json")
    assert asked[-2:] == ("--", "products")
    assert re.fullmatch(r"[0-9a-f-]{36}", asked[asked.index("--request") + 1])
    failed = (await view.get(f"/runs/{shop.seeded.last['products']}")).text
    assert f'action="/runs/{shop.seeded.last["products"]}/retry"' in failed


async def test_two_clicks_act_once_and_lead_to_the_same_run(view: Served, actions: Recorded) -> None:
    """Also when the second one comes while the first one acts."""
    actions.gate = asyncio.Event()
    mark = {"mark": view.access.form_mark()}
    first = asyncio.create_task(view.post("/runs/1/retry", mark))
    await actions.begun.wait()
    second = await view.post("/runs/1/retry", mark)
    actions.gate.set()
    done = await first
    third = await view.post("/runs/1/retry", mark)
    assert [done.status, second.status, third.status] == [303, 303, 303]
    assert done.headers["location"] == third.headers["location"] == "/runs/1"
    assert len(actions.asked) == 1


async def test_a_command_that_refuses_says_why(view: Served, actions: Recorded) -> None:
    """The command's own words are shown, as text."""
    actions.outcome = Outcome(exit=2, out="", err="run 1 has no <b>failed</b> task to retry\n")
    reply = await view.post("/runs/1/retry", {"mark": view.access.form_mark()})
    assert reply.status == 409
    assert "run 1 has no &lt;b&gt;failed&lt;/b&gt; task to retry" in reply.text


async def test_cancel_asks_first_and_then_cancels_for_real(dsn: str, shop: Stage, tmp_path: Path) -> None:
    """The page that asks changes nothing; its button performs `trapline cancel`, and the ledger has it."""
    async with await Database.connect(dsn) as database:
        run = await open_run(database, urls(3))
        real = SubprocessActions(data_dir=tmp_path, database_url=dsn, environ={"DATABASE_URL": "x", "PATH": ""})
        async with served(dsn, shop.artifacts, actions=real) as view:
            text = (await view.get(f"/runs/{run}/cancel")).text
            assert await value(database, "SELECT cancelling_at FROM trapline.run") is None
            mark = re.search(r'name="mark" value="([^"]+)"', text)
            assert mark is not None
            reply = await view.post(f"/runs/{run}/cancel", {"mark": mark[1]})
            assert reply.status == 303, reply.text
            assert await value(database, "SELECT outcome::text FROM trapline.run") == "cancelled"
            again = await view.post(f"/runs/{run}/cancel", {"mark": view.access.form_mark()})
            assert again.status == 409
            assert "has ended already" in again.text
