"""Alerts link to the web view where there is one, and name the command that shows it where there is none."""

import pytest

from support.alerts import alert
from trapline_common.domain.web_view import WebView
from trapline_notifier.message import compose

VIEW = WebView(url="https://trapline.example.com/view", environment="prod")
PAGE = "https://trapline.example.com/view/pages/1?to=99"


def test_a_page_is_linked_at_the_observation_in_every_text() -> None:
    """Email and terminal as a line of their own, chat as a bare address that every service makes a link of, JSON."""
    message = compose([alert(1, observation_id=99)], web=VIEW)
    assert f"   See:         {PAGE}\n" in message.email
    assert f"   See:         {PAGE}\n" in message.body
    for text in (message.chat, message.long_chat):
        assert f"\n{PAGE}  \n" in text
    assert message.data["alerts"][0]["link"] == PAGE
    assert "trapline web" not in message.email


def test_a_run_is_linked_by_its_summary() -> None:
    """A summary is about no page."""
    message = compose([alert(1, "summary", outcome="completed", done=3, failed=0, changes=0, seconds=2.0)], web=VIEW)
    assert "https://trapline.example.com/view/runs/41" in message.email


def test_an_alert_of_the_release_before_is_linked_without_an_observation() -> None:
    """Its payload names none, or something else than a number: no word of a payload is in an address."""
    for more in ({}, {"observation_id": "99&from=1"}, {"observation_id": None}):
        link = compose([alert(1, **more)], web=VIEW).data["alerts"][0]["link"]
        assert link == "https://trapline.example.com/view/pages/1"


@pytest.mark.parametrize(("environment", "command"), [("prod", "trapline web --env prod"), ("", "trapline web")])
def test_without_an_address_an_email_names_the_command(environment: str, command: str) -> None:
    """Nothing that leads nowhere is linked."""
    message = compose([alert(1, observation_id=99)], web=WebView(environment=environment))
    assert f"`{command}` shows the pages, their pictures and their history.\n" in message.email
    assert "See:" not in message.email
    assert "link" not in message.data["alerts"][0]


def test_a_test_alert_links_nowhere() -> None:
    """It is about no page and no run."""
    assert "link" not in compose([alert(1, "test", run=0)], web=WebView()).data["alerts"][0]


def test_a_recovery_names_who_knew_of_the_failure() -> None:
    """Who acknowledged it, and what they said, on one line whatever they wrote."""
    known = {"by": "arn:aws:iam::1:user/ann", "reason": "ticket\n481"}
    message = compose([alert(1, "recovery", failures=2, acknowledged=known)])
    assert "   Known to:       arn:aws:iam::1:user/ann: ticket 481\n" in message.email
    assert "Known to" not in compose([alert(1, "recovery", failures=2, acknowledged="x")]).email
