"""Commands with which people answer what they are told: mute, unmute, acknowledge; who did it is kept and shown."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.ledger import value
from trapline.remote.caller import OPERATOR
from trapline_common.ledger.connection import Database
from trapline_machine.remote_view import Function

from .conftest import URLS, Stage, Trapline
from .test_operator import Operate, operate
from .test_remote import aws, function, with_env

__all__ = ["function", "operate"]

WHO = "arn:aws:sts::123456789012:assumed-role/ops/ann"
PAGE = "SELECT id FROM trapline.page WHERE url = $1"


def answered(answer: dict[str, Any]) -> Any:
    """Return what a command printed as JSON."""
    assert (answer["exit"], answer["stderr"]) == (0, ""), answer
    return json.loads(answer["stdout"])


def test_a_crawl_is_muted_listed_and_told_of_again(operate: Operate, stage: Stage) -> None:
    """The operator's role may do all of it; the list and the status say until when, why and by whom."""
    done = answered(
        operate(
            "mute", "shop", "--until", "2d", "--reason", "redesign", "--kinds", "change,failure", "--json", acted_by=WHO
        )
    )
    assert (done["crawl"], done["page_id"], done["kinds"], done["replaced"]) == (
        "shop", None, ["failure", "change"], False,
    )  # fmt: skip
    (listed,) = answered(operate("mutes", "--json"))["mutes"]
    assert (listed["acted_by"], listed["reason"], listed["until"]) == (WHO, "redesign", done["until"])
    shown = operate("status")["stdout"]
    assert "Muted" in shown
    assert "redesign" in shown
    assert answered(operate("unmute", "shop", "--json"))["already"] is False
    assert answered(operate("unmute", "shop", "--json"))["already"] is True
    assert "no such mute" in operate("mutes")["stderr"]


async def test_a_page_is_named_by_its_number_its_url_or_beside_its_crawl(
    trapline: Trapline, stage: Stage, database: Database
) -> None:
    """Three ways to name one page: each mute replaces the one before."""
    number = await value(database, PAGE, URLS[2])
    for named in ((str(number),), (URLS[2],), ("shop", "--page", URLS[2])):
        ran = await trapline("mute", *named, "--until", "2026-12-24T08:00", "--reason", "x")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"{URLS[2]} of shop is muted until 2026-12-24 08:00:00 CST"), ran.out
    assert "in place of the mute that was there" in ran.out
    rows = await database.connection.fetch("SELECT page_id, acted_by FROM trapline.mute WHERE ended_at IS NULL")
    assert [(row["page_id"], "@" in row["acted_by"]) for row in rows] == [(number, True)]


def test_a_failure_is_acknowledged_and_needs_no_attention(operate: Operate, stage: Stage) -> None:
    """A failing page that somebody knows of is still listed, with who; the check is no longer red for it."""
    before = answered(operate("status", "--json"))
    assert any("page fails" in problem for problem in before["problems"])
    number = str(before["failing"][0]["page_id"])
    (known,) = answered(operate("ack", number, "--reason", "ticket 481", "--json", acted_by=WHO))["acknowledged"]
    assert (known["by"], known["reason"], known["already"]) == (WHO, "ticket 481", False)
    after = answered(operate("status", "--json"))
    assert not any("page fails" in problem for problem in after["problems"])
    assert [(page["acked_by"], page["ack_reason"]) for page in after["failing"]] == [(WHO, "ticket 481")]
    assert "1 of them known" in operate("status")["stdout"]
    again = operate("ack", "shop", "--reason", "mine", acted_by="arn:other")
    assert again["stdout"] == f"{URLS[2]} was acknowledged before, by {WHO}: ticket 481\n"
    assert operate("ack", "shop", "--undo")["stdout"] == f"{URLS[2]} is told of again\n"
    assert operate("ack", number, "--undo")["stdout"] == f"no failure of {URLS[2]} of shop is acknowledged\n"


def test_a_muted_failure_needs_no_attention(operate: Operate, stage: Stage) -> None:
    """Until the mute is over; one that mutes changes alone hides no failure."""
    for kinds, known in (("change", 0), ("failure", 1)):
        operate("mute", "shop", "--until", "1d", "--reason", "x", "--kinds", kinds)
        found = answered(operate("status", "--json"))
        assert (found["failing_known"], any("page fails" in each for each in found["problems"])) == (known, not known)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("mute", "shopp", "--until", "1d", "--reason", "x"), "no crawl shopp; did you mean shop?"),
        (("mute", "99999", "--until", "1d", "--reason", "x"), "no page 99999"),
        (("mute", "9" * 30, "--until", "1d", "--reason", "x"), "no page 999"),
        (("mute", "https://other.example/", "--until", "1d", "--reason", "x"), "no page https://other.example/ in any"),
        (("mute", "shop", "--page", "https://other.example/", "--until", "1d", "--reason", "x"), "in crawl shop"),
        (("mute", "shop", "--until", "soon", "--reason", "x"), "--until soon: must be how long"),
        (("mute", "shop", "--until", "9e9d", "--reason", "x"), "must be how long"),
        (("mute", "shop", "--until", "90000000d", "--reason", "x"), "must be how long"),
        (("mute", "shop", "--until", "2020-01-01", "--reason", "x"), "ends in the future"),
        (("mute", "shop", "--until", "1d", "--reason", " "), "say why"),
        (("mute", "shop", "--until", "1d", "--reason", "x", "--kinds", "all"), "--kinds all: one or more of failure"),
        (("ack", "docs", "--reason", "x"), "docs does not fail"),
        (("ack", "shop", "--reason", ""), "say why"),
    ],
)
def test_what_cant_be_done_is_refused_with_what_to_do(
    operate: Operate, stage: Stage, command: tuple[str, ...], says: str
) -> None:
    """One line, exit code 2, and nothing is written."""
    answer = operate(*command)
    assert (answer["exit"], answer["stdout"]) == (2, "")
    assert says in answer["stderr"]
    assert answered(operate("mutes", "--json"))["mutes"] == []


async def test_a_url_of_several_crawls_is_named_by_its_number(
    operate: Operate, stage: Stage, database: Database
) -> None:
    """The refusal says the numbers."""
    await database.connection.execute("INSERT INTO trapline.page (crawl, url) VALUES ('other', $1)", URLS[0])
    answer = await asyncio.to_thread(operate, "mute", URLS[0], "--until", "1d", "--reason", "x")
    assert answer["exit"] == 2
    assert "is a page of several crawls; name it by its number:" in answer["stderr"]


async def test_who_acts_goes_along_to_a_deployment(function: Any, tmp_path: Path) -> None:
    """STS says who the credentials are; a reading command asks nobody."""
    for _ in range(2):
        function.answer({"v": 1, "exit": 0, "stdout": "", "stderr": ""})
    await with_env(function, tmp_path, "unmute", "shop", "--env", "dev")
    await with_env(function, tmp_path, "mutes", "--env", "dev")
    assert [call.body["acted_by"] for call in function.calls] == [function.identity, None]


async def test_the_view_tells_a_deployment_who_acts(
    function: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STS is asked once, at the first form; who only looks is not named."""
    for _ in range(3):
        function.answer({"v": 1, "exit": 0, "stdout": "", "stderr": ""})
    environ = aws(function)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    act = await asyncio.to_thread(Function.connect, "dev", function=OPERATOR, environ=environ, data_dir=tmp_path)
    for command in (("view", "lanes", "--"), ("unmute", "--json", "--", "shop"), ("cancel", "--json", "--", "7")):
        assert (await act(command)).exit == 0
    assert [call.body["acted_by"] for call in function.calls] == [None, function.identity, function.identity]


async def test_without_sts_the_machines_user_acts(function: Any, tmp_path: Path) -> None:
    """Who can't be asked keeps nobody from acting: the name is told, and CloudTrail has the proof."""
    function.identity = None
    function.answer({"v": 1, "exit": 0, "stdout": "", "stderr": ""})
    ran = await with_env(function, tmp_path, "unmute", "shop", "--env", "dev")
    assert (ran.code, ran.err) == (0, "")
    assert "@" in function.calls[0].body["acted_by"]


async def test_a_cancel_tells_who_did_it(operate: Operate, stage: Stage, database: Database) -> None:
    """The run's reason and its summary name the caller, not an operator."""
    run = await value(database, "SELECT id FROM trapline.run WHERE status = 'open'")
    done = await asyncio.to_thread(operate, "cancel", str(run), acted_by=WHO)
    assert (done["exit"], done["stderr"]) == (0, "")
    assert await value(database, "SELECT reason FROM trapline.run WHERE id = $1", run) == f"cancelled by {WHO}"
    told = await asyncio.to_thread(operate, "show", str(run))
    assert f"cancelled by {WHO}" in told["stdout"].replace("\n", " ")


async def test_a_caller_of_the_release_before_acts_without_a_name(
    operate: Operate, stage: Stage, database: Database
) -> None:
    """It tells no name, and the row says that an operator did it."""
    await asyncio.to_thread(operate, "mute", "shop", "--until", "1d", "--reason", "x")
    assert await value(database, "SELECT acted_by FROM trapline.mute") == "an operator"


async def test_a_visit_of_a_page_is_a_run_that_says_so(trapline: Trapline, stage: Stage, database: Database) -> None:
    """The run is the page's alone, and who asked is shown; while it is open another visit is skipped."""
    number = await value(database, PAGE, URLS[2])
    opened = await trapline("visit", str(number), "--no-wait", "--json")
    assert (opened.code, opened.err) == (0, "")
    run = opened.json["run_id"]
    assert await value(database, "SELECT array_agg(url) FROM trapline.task WHERE run_id = $1", run) == [URLS[2]]
    shown = (await trapline("show", str(run))).out
    assert f"page       {number} alone" in shown
    assert re.search(r"opened by  \S+@\S+\n", shown)
    again = await trapline("visit", URLS[2])
    assert (again.code, again.out) == (3, "")
    assert f"was skipped: run {run} of the same crawl is still open" in again.err
    whole = await trapline("visit", "shop")
    assert (whole.code, "shop is a crawl; name one page of it" in whole.err) == (2, True)


async def test_a_run_says_why_its_alerts_were_told_to_nobody(
    operate: Operate, stage: Stage, database: Database
) -> None:
    """With who muted, until when, and why."""
    await asyncio.to_thread(operate, "mute", "shop", "--until", "300d", "--reason", "x", acted_by=WHO)
    await database.connection.execute(
        "UPDATE trapline.alert SET status = 'muted', reason = trapline.mute_of(crawl, page_id, kind) "
        "WHERE run_id = $1 AND page_id IS NOT NULL",
        stage.second,
    )
    shown = (await asyncio.to_thread(operate, "show", str(stage.second)))["stdout"]
    assert f"by {WHO}: x" in shown


async def test_what_is_held_back_is_accepted(operate: Operate, stage: Stage, database: Database) -> None:
    """Once it is, nothing waits; of a crawl each page that holds something back is named."""
    await database.connection.execute(
        "UPDATE trapline.page SET candidate_hash = (SELECT content_hash FROM trapline.observation o "
        "WHERE o.page_id = page.id AND o.run_id = $1), candidate_seen = 1 WHERE url = $2",
        stage.first,
        URLS[1],
    )
    done = await asyncio.to_thread(operate, "accept", "shop", acted_by=WHO)
    assert (done["exit"], done["stdout"]) == (0, f"{URLS[1]}: what it shows is the baseline now\n")
    again = await asyncio.to_thread(operate, "accept", URLS[1])
    assert again["stdout"] == f"{URLS[1]}: nothing waits: what was seen last is the baseline\n"
    assert (await asyncio.to_thread(operate, "accept", "shop"))["stdout"] == "no page of shop holds anything back\n"
    assert await value(database, "SELECT baseline_by FROM trapline.page WHERE url = $1", URLS[1]) == WHO


async def test_an_alert_is_sent_again_from_this_machine(trapline: Trapline, stage: Stage, database: Database) -> None:
    """It goes to the terminal at once, under the number that was asked for; a second time it goes there again."""
    alert = await value(database, "SELECT min(id) FROM trapline.alert WHERE kind = 'change'")
    for _ in range(2):
        ran = await trapline("alert", "--again", str(alert))
        assert (ran.code, ran.err) == (0, "")
        assert "page changed" in ran.out
        assert "the terminal: sent" in ran.out
    row = await database.connection.fetchrow("SELECT status::text, again_by FROM trapline.alert WHERE id = $1", alert)
    assert row is not None
    assert (row["status"], "@" in row["again_by"]) == ("sent", True)
    assert await value(database, "SELECT attempts FROM trapline.delivery WHERE alert_id = $1", alert) == 2
    nothing = await trapline("alert")
    assert (nothing.code, "say --test or --again" in nothing.err) == (2, True)
    gone = await trapline("alert", "--again", "99999", "--json")
    assert (gone.code, gone.out, "no alert 99999" in gone.err) == (2, "", True)


async def test_runs_and_changes_link_to_the_web_view(
    operate: Operate, stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the deployment has the view's address, `show` and `diff` print where it shows the same; else nothing."""
    assert "see" not in (await asyncio.to_thread(operate, "show", str(stage.second)))["stdout"].split()
    monkeypatch.setenv("TRAPLINE_WEB_URL", "https://view.example")
    number = await value(database, PAGE, URLS[1])
    seen = await value(
        database, "SELECT id FROM trapline.observation WHERE page_id = $1 AND run_id = $2", number, stage.second
    )
    shown = await asyncio.to_thread(operate, "show", str(stage.second))
    assert f"https://view.example/runs/{stage.second}\n" in shown["stdout"]
    changed = await asyncio.to_thread(operate, "diff", URLS[1])
    assert f"https://view.example/pages/{number}?to={seen}\n" in changed["stdout"]
    as_json = answered(await asyncio.to_thread(operate, "diff", URLS[1], "--json"))
    assert (as_json["page_id"], as_json["link"]) == (number, f"https://view.example/pages/{number}?to={seen}")
