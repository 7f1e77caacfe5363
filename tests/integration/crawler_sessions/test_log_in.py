"""Steps before the visits: one log-in for many, its session kept and refreshed, its failures reported."""

import asyncio
import json
from html import escape
from ipaddress import ip_network
from urllib.parse import quote, quote_plus

import pytest

from support.gates import Names
from support.login_site import PASSWORD, USER, LoginSite
from tests.integration.crawler_sessions.conftest import SessionStage
from trapline_common.config.models import LaneConfig
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_crawler.services import Pace

THREE = LaneConfig(max_invocations=3, tasks_per_invocation=2, pages_in_flight=2)
TABLES = ("lane", "run", "page", "invocation", "task", "observation", "alert", "session")
RESULTS = "SELECT url, reason, detail FROM trapline.observation ORDER BY id"


async def live_together(stage: SessionStage) -> None:
    """Let every invocation that the lane is missing live, all at once, each with a browser of its own."""
    asked = await stage.asked()
    await asyncio.gather(*(stage.live(message, visitor=stage.browser_visitor()) for message in asked))


@pytest.mark.parametrize("isolation", ["page", "crawl"])
async def test_three_invocations_that_start_together_log_in_once(stage: SessionStage, isolation: str):
    """Six pages shared by three crawlers cost one log-in, and each page is visited logged in, once."""
    crawl = stage.crawl(6, isolation=isolation, watch="h1, #stored")
    await stage.open(list(crawl.urls), lane=THREE, crawl=crawl)
    await live_together(stage)
    assert await stage.tasks() == {"done": 6}
    assert stage.site.log_ins == stage.site.attempts == 1
    pages = [visit for visit in stage.site.visits if visit[0] != "/account"]
    assert sorted(pages) == [(f"/account/{number}", True) for number in range(6)]
    ((text,),) = await stage.rows("SELECT DISTINCT baseline_text FROM trapline.page WHERE url LIKE '%/account/0'")
    assert text == "Page /account/0\nby the form"  # local storage is part of the session


async def test_the_next_run_uses_the_kept_session_until_it_expires(stage: SessionStage):
    """A second run logs in no more; once the site has let the session expire, one log-in refreshes it."""
    crawl = stage.crawl(2)
    for expected in (1, 1, 2):
        if expected == 2:
            stage.site.expire()
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
        assert stage.site.log_ins == expected
    assert await stage.tasks() == {"done": 6}
    assert await stage.alerts() == []


async def test_a_session_that_expires_in_the_middle_of_a_run_is_refreshed(stage: SessionStage):
    """When the site forgets the session after two of four pages, one more log-in is done and every page is good."""
    crawl = stage.crawl(4)
    await stage.open(list(crawl.urls), crawl=crawl, lane=LaneConfig(pages_in_flight=1))
    stage.site.expire_after(3)  # the page that the log-in leads to, and two of the run
    await stage.live(visitor=stage.browser_visitor())
    assert await stage.tasks() == {"done": 4}
    assert stage.site.log_ins == 2
    assert [reason for _, reason, _ in await stage.rows(RESULTS)] == [None] * 4


async def test_an_ordered_task_logs_in_and_goes_on_where_its_session_expired(stage: SessionStage):
    """Pages in order are visited in one session; when it expires, its task is logged in anew and visits the rest."""
    crawl = stage.crawl(3, ordered=True)
    await stage.open(list(crawl.urls), crawl=crawl)
    stage.site.expire_after(2)
    await stage.live(visitor=stage.browser_visitor())
    assert await stage.tasks() == {"done": 1}
    assert stage.site.log_ins == 2
    assert [path for path, logged_in in stage.site.visits if logged_in and path != "/account"] == [
        "/account/0",
        "/account/1",
        "/account/2",
    ]


async def test_a_wrong_password_is_logged_out_with_one_alert(stage: SessionStage):
    """Steps that run through without a log-in: the page fails as ``logged_out``, alerts once, and was tried once."""
    stage.secrets["SITE_PASSWORD"] = "wr0ng-passw0rd"
    stage.pace = Pace(linger=0.0)
    crawl = stage.crawl(1)
    for _ in range(2):
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
    assert await stage.tasks() == {"failed": 2}
    assert [row[1:] for row in await stage.rows(RESULTS)] == [("logged_out", "nothing matches '#who'")] * 2
    assert await stage.alerts() == ["failure"]
    assert (stage.site.attempts, stage.site.log_ins) == (1, 0)


async def test_a_step_that_fails_says_which_and_shows_where(stage: SessionStage):
    """The observation names the step by number and kind, and has a screenshot of the page where it stopped."""
    crawl = stage.crawl(1, steps=stage.site.steps({"wait_for": "#nowhere"}), timeout=3)
    await stage.open(list(crawl.urls), crawl=crawl)
    await stage.live(visitor=stage.browser_visitor())
    ((_, reason, detail),) = await stage.rows(RESULTS)
    assert reason == "step"
    assert detail == "step 6, wait_for: not done within 3 s, waiting for '#nowhere'"
    ((screenshot,),) = await stage.rows("SELECT screenshot FROM trapline.observation")
    assert (stage.artifacts / screenshot).read_bytes().startswith(b"\x89PNG")
    ((payload,),) = await stage.rows("SELECT payload::text FROM trapline.alert WHERE kind = 'failure'")
    assert "step 6, wait_for" in payload


async def test_no_secret_is_left_anywhere(stage: SessionStage, capfd: pytest.CaptureFixture[str]):
    """A site that puts the wrong password into its pages gets it nowhere: into no row, artifact or log."""
    wrong = f"{PASSWORD}-wrong"
    stage.secrets["SITE_PASSWORD"] = wrong
    stage.site.echo_the_password()
    good = stage.crawl(1, name="good", html="always", screenshot="full_page", watch=None)
    for crawl in (
        stage.crawl(1, html="always", screenshot="full_page", watch=None),
        stage.crawl(1, name="steps", html="always", steps=stage.site.steps({"click": "#nowhere"}), timeout=3),
        good,
    ):
        if crawl is good:
            stage.site.change_password(wrong)
            stage.site.add_to_pages(f"<p>Your password is {escape(wrong)}, {USER}</p><input value='{USER}'>")
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
    reasons = await stage.rows("SELECT reason FROM trapline.observation ORDER BY id")
    assert [reason for (reason,) in reasons] == ["logged_out", "step", None]
    ((text,),) = await stage.rows("SELECT text FROM trapline.observation WHERE reason IS NULL")
    assert "Your password is ${secret:SITE_PASSWORD}, ${secret:SITE_USER}" in text
    everything = [row for table in TABLES for row in await stage.rows(f"SELECT t::text FROM trapline.{table} t")]
    held = "\n".join(row for (row,) in everything) + "".join(capfd.readouterr())
    artifacts = [path for path in stage.artifacts.rglob("*") if path.is_file()]
    assert [path for path in artifacts if path.suffix == ".html"]
    # The one picture is of the log-in form that the first page led to: the others show a secret.
    assert len([path for path in artifacts if path.suffix == ".png"]) == 1
    held += "".join(path.read_text(errors="replace") for path in artifacts)
    for value in (wrong, PASSWORD, USER):
        for form in (value, escape(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]):
            assert form not in held


async def test_fields_that_hold_a_secret_are_masked_in_screenshots(stage: SessionStage):
    """The page where a step failed looks the same for every value filled in, password field or not."""
    pictures = set()
    for user in ("ada", "a much longer name"):
        stage.secrets |= {"SITE_USER": user, "SITE_PASSWORD": user * 2}
        steps = [*stage.site.steps()[:3], {"click": "#nowhere"}]
        crawl = stage.crawl(1, steps=steps, timeout=3, name=f"c{len(user)}")
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
        ((key,),) = await stage.rows("SELECT screenshot FROM trapline.observation ORDER BY id DESC LIMIT 1")
        pictures.add(key)
    assert len(pictures) == 1
    assert None not in pictures


async def test_headers_of_the_steps_stay_with_the_pages_own_origin(stage: SessionStage):
    """The crawl's headers go to the page's origin during the steps too, and to no other that a step goes to."""
    with LoginSite() as other:
        steps = [{"goto": f"{other.url}/login"}, *stage.site.steps()]
        crawl = stage.crawl(1, steps=steps, headers={"X-Own": "${secret:SITE_USER}"})
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
        assert await stage.tasks() == {"done": 1}
        assert other.own_headers == set()
    assert stage.site.own_headers == {USER}


async def test_steps_go_through_the_gate(stage: SessionStage):
    """A step that leads to an address which the deployment does not open is refused there, and nothing arrives."""
    only_the_page = Gate(policy=AddressPolicy(allow_private=(ip_network("127.0.0.1/32"),)), resolve=Names())
    with LoginSite("127.0.0.2") as other:
        crawl = stage.crawl(1, steps=other.steps())
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor(gate=only_the_page))
        assert other.asked == 0
    ((_, reason, detail),) = await stage.rows(RESULTS)
    assert reason == "address_refused"
    assert detail.startswith("step 1, goto: ")
    assert "127.0.0.2" in detail
    assert stage.site.visits == []
