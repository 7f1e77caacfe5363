"""A step that holds a secret works on the origin that the secret was written for, and on no other."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser
from support.secret_site import SecretSite
from trapline_common.domain.observation import Observation
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.ports import LoggedIn
from trapline_crawler.visit.visitor import BrowserVisitor

PASSWORD = "Pa55-w0rd-of-the-shop"
FORM = "<form action=/taken><input id=pw name=pw><select id=s><option>a<option>b</select><button>x</button></form>"


@pytest.fixture
def own() -> Iterator[SecretSite]:
    """The site that the steps were written for."""
    with SecretSite({"/form": lambda _: FORM, "/taken": lambda _: "<p id=ok>good"}) as site:
        yield site


@pytest.fixture
def other() -> Iterator[SecretSite]:
    """Another origin, with the same form."""
    with SecretSite({"/form": lambda _: FORM, "/taken": lambda _: "<p id=ok>good"}, host="127.0.0.2") as site:
        yield site


@pytest_asyncio.fixture
async def log_in(tmp_path: Path, own: SecretSite):
    """Do steps with the secret ``P``; the visitor's browser ends with the test."""
    visitor = BrowserVisitor(
        new_browser(),
        artifacts=DirectoryArtifacts(tmp_path),
        secrets=KnownSecrets(values={"P": PASSWORD}),
        limits=LIMITS,
    )

    async def do(*steps: dict[str, Any], timeout: float = 5) -> LoggedIn | Observation:
        return await visitor.log_in(f"{own.url}/", crawl(steps=list(steps), timeout=timeout, settle={"at_most": 1}))

    yield do
    await visitor.close()


def fill(**more: str) -> dict[str, Any]:
    """Return the step that fills the password in."""
    return {"fill": {"selector": "#pw", "value": "${secret:P}", **more}}


def detail(found: LoggedIn | Observation) -> str:
    """Return why the steps failed, once and for all."""
    assert isinstance(found, Observation)
    assert found.failure is not None
    assert not found.failure.retry
    assert PASSWORD not in repr(found)
    return found.failure.detail


async def test_a_secret_is_filled_in_at_its_own_origin_alone(
    log_in: Callable[..., Any], own: SecretSite, other: SecretSite
):
    """A redirect, a script that leads elsewhere, and a click do; each failure says where the page is."""
    own.redirects["/login"] = f"{other.url}/form"
    own.pages["/moved"] = lambda _: f"<script>setTimeout(() => {{ location = '{other.url}/form' }}, 300)</script>"
    own.pages["/link"] = lambda _: f"<a href='{other.url}/form'>x</a>"
    asked = (
        f"the page is at {other.url}, and ${{secret:P}} is for {own.url}; if it may go there, write `on: {other.url}`"
    )
    for step, before in (
        (2, [{"goto": f"{own.url}/login"}]),
        (2, [{"goto": f"{own.url}/moved"}]),  # the step begins on the own origin, and waits for the field
        (3, [{"goto": f"{own.url}/link"}, {"click": "a"}]),
    ):
        found = await log_in(*before, fill(), {"click": "button"})
        assert detail(found).startswith(f"step {step}, fill: {asked}")
    choose = {"select": {"selector": "#s", "value": "${secret:P}"}}
    assert detail(await log_in({"goto": f"{own.url}/login"}, choose)).startswith(f"step 2, select: {asked}")
    assert PASSWORD not in repr(other.asked)


async def test_a_step_may_name_another_origin(log_in: Callable[..., Any], own: SecretSite, other: SecretSite):
    """``on`` is the one origin where that step works; it holds for no later step, and excludes the own origin."""
    own.redirects["/login"] = f"{other.url}/form"
    login = {"goto": f"{own.url}/login"}
    sent = [{"click": "button"}, {"wait_for": "#ok"}]
    assert isinstance(await log_in(login, fill(on=other.url), *sent), LoggedIn)
    assert any(f"pw={PASSWORD}" in path for path, _ in other.asked)
    assert isinstance(await log_in({"goto": f"{own.url}/form"}, fill(), *sent), LoggedIn)
    assert detail(await log_in(login, fill(on=other.url), fill())).startswith("step 3, fill: the page is at")
    assert detail(await log_in({"goto": f"{own.url}/form"}, fill(on=other.url))).startswith("step 2, fill: the page is")


async def test_a_page_that_swaps_its_form_gets_nothing(log_in: Callable[..., Any], own: SecretSite, other: SecretSite):
    """A page that goes elsewhere and back, again and again, while the step fills in: the other never gets the value."""
    away = f"<script>setTimeout(() => {{ location = '{other.url}/turn' }}, 15)</script>"
    own.pages["/turn"] = lambda _: FORM + away
    other.pages["/turn"] = lambda _: (
        FORM.replace(
            "<input", "<input oninput=\"fetch('/took?' + encodeURIComponent(this.value), { mode: 'no-cors' })\""
        )
        + f"<script>setTimeout(() => {{ location = '{own.url}/turn' }}, 15)</script>"
    )
    for _ in range(2):
        await log_in({"goto": f"{own.url}/turn"}, fill(), timeout=2)
    assert other.keys_of("/took") == []
    assert PASSWORD not in repr(other.asked)
