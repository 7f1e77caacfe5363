"""A header that holds a secret goes to its own origin, on requests of this origin's documents, and nowhere else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import crawl, until
from support.secret_site import SecretSite
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
KEY = "sk_live_51H8xAbCdEfGhIjKl"
REFERRERS = {"referrers": "", "no referrers": "<meta name=referrer content=no-referrer>"}
WAYS = {
    "picture": "new Image().src = to('picture')",
    "fetch": "fetch(to('fetch'), { mode: 'no-cors' })",
    "request": "const r = new XMLHttpRequest(); r.open('GET', to('request')); r.send()",
    "beacon": "navigator.sendBeacon(to('beacon'), 'x')",
    "script": "add('script', { src: to('script') })",
    "style": "add('link', { rel: 'stylesheet', href: to('style') })",
    "preload": "add('link', { rel: 'preload', as: 'image', href: to('preload') })",
    "prefetch": "add('link', { rel: 'prefetch', href: to('prefetch') })",
    "frame": "add('iframe', { src: to('frame') })",
    "object": "add('object', { data: to('object'), type: 'text/html' })",
    "form": "add('iframe', { name: 'f' }); const f = add('form', { action: to('form'), target: 'f', method: 'post' });"
    "setTimeout(() => f.submit(), 50)",
    "keepalive": "fetch(to('keepalive'), { mode: 'no-cors', keepalive: true })",
    "media": "add('video', { src: to('media'), preload: 'auto' })",
    "events": "new EventSource(to('events'))",
}
"""What a document asks a server for, by the path that it asks for."""
NO_PART_OF_THE_PAGE = {
    "worker": "new Worker(URL.createObjectURL(new Blob([`fetch('${to('worker')}', { mode: 'no-cors' })`])))",
    "shared": "new SharedWorker(URL.createObjectURL(new Blob([`fetch('${to('shared')}', { mode: 'no-cors' })`])))",
    "socket": "new WebSocket(to('socket').replace('http', 'ws'))",
    "window": "window.open(to('window'))",
}
"""What carries no header, whoever asks: ``docs/sessions.md`` says so."""
EVERY = WAYS | NO_PART_OF_THE_PAGE


def asks(where: str, ways: dict[str, str], *, head: str = "") -> str:
    """Return a page that asks the server ``where`` for something in each of the ways."""
    scripts = "".join(f"try {{ {script} }} catch {{}}\n" for script in ways.values())
    return f"""{head}<p>A page.</p><script>
        const to = (way) => `{where}/${{way}}`;
        const add = (name, values) => document.body.appendChild(Object.assign(document.createElement(name), values));
        {scripts}</script>"""


@pytest.fixture(scope="module")
def own() -> Iterator[SecretSite]:
    """The site whose key it is."""
    with SecretSite({}) as site:
        yield site


@pytest.fixture(scope="module")
def evil() -> Iterator[SecretSite]:
    """Another origin: another port of the same machine, so that its frames share the page's process."""
    with SecretSite({}) as site:
        yield site


@pytest.fixture(scope="module")
def far() -> Iterator[SecretSite]:
    """Another site, whose frames a process of their own shows."""
    with SecretSite({}, host="127.0.0.2") as site:
        yield site


@pytest.fixture(autouse=True)
def fresh(own: SecretSite, evil: SecretSite, far: SecretSite) -> None:
    """Forget what an earlier test served and asked for."""
    for site in (own, evil, far):
        site.asked.clear()
        site.pages.clear()
        site.redirects.clear()
        site.more_headers.clear()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(new_visitor: NewVisitor, own: SecretSite) -> Callable[..., Any]:
    """Visit a page of the own site with the key, until it has been still for half a second."""
    visitor = new_visitor(K=KEY)

    async def see(path: str, **values: Any) -> None:
        config = crawl(headers={"X-Key": "${secret:K}"}, settle={"quiet": 0.5, "at_most": 3}, **values)
        found = await visitor.visit(own.url + path, config)
        assert found.status == 200
        assert own.keys_of(path)[0] == KEY

    return see


@pytest.mark.parametrize("head", REFERRERS.values(), ids=REFERRERS.keys())
async def test_the_own_documents_requests_get_it(visit: Callable[..., Any], own: SecretSite, head: str):
    """Each part of the page that it asks its own origin for, whether or not the browser names the page to it."""
    own.pages["/page"] = lambda _: asks(own.url, EVERY, head=head)
    own.redirects["/fetch"] = "/fetched"
    await visit("/page")
    await until(lambda: all(own.keys_of(f"/{way}") for way in WAYS))
    assert {way: set(own.keys_of(f"/{way}")) for way in WAYS} == {way: {KEY} for way in WAYS}
    assert own.keys_of("/fetched") == [KEY]  # a redirect that stays


@pytest.mark.parametrize("head", REFERRERS.values(), ids=REFERRERS.keys())
@pytest.mark.parametrize("strange", ["evil", "far"], ids=["same process", "another process"])
async def test_another_origins_frame_can_not_use_it(
    visit: Callable[..., Any], own: SecretSite, evil: SecretSite, far: SecretSite, head: str, strange: str
):
    """A frame of another origin asks the own origin for everything, and gets it without the key."""
    other = {"evil": evil, "far": far}[strange]
    own.pages["/page"] = lambda _: f"<p>A page.</p><iframe src='{other.url}/frame'></iframe>"
    other.pages["/frame"] = lambda _: asks(own.url, EVERY if other is evil else WAYS, head=head)
    await visit("/page")
    await until(lambda: all(own.keys_of(f"/{way}") for way in ("picture", "fetch", "script", "form")))
    assert {key for way in EVERY for key in own.keys_of(f"/{way}")} == {None}
    assert {headers.get("x-key") for _, headers in other.asked} == {None}


async def test_another_origin_gets_it_in_no_way(visit: Callable[..., Any], own: SecretSite, evil: SecretSite):
    """The own page asks another origin for everything."""
    own.pages["/page"] = lambda _: asks(evil.url, EVERY)
    await visit("/page")
    await until(lambda: all(evil.keys_of(f"/{way}") for way in ("picture", "fetch", "script", "form", "worker")))
    assert {headers.get("x-key") for _, headers in evil.asked} == {None}


@pytest.mark.parametrize("first", ["own", "evil"])
async def test_a_redirect_through_another_origin_loses_it(
    visit: Callable[..., Any], own: SecretSite, evil: SecretSite, first: str
):
    """From the own origin, or from another, by way of another: neither the other nor what comes after gets it."""
    begin = {"own": own, "evil": evil}[first]
    own.pages["/page"] = lambda _: asks(begin.url, WAYS)
    for way in WAYS:
        if begin is own:
            own.redirects[f"/{way}"] = f"{evil.url}/{way}"
        evil.redirects[f"/{way}"] = f"{own.url}/back-{way}"
    await visit("/page")
    await until(lambda: all(own.keys_of(f"/back-{way}") for way in ("picture", "fetch", "frame")))
    assert {key for way in WAYS for key in own.keys_of(f"/back-{way}")} == {None}
    assert {headers.get("x-key") for _, headers in evil.asked} == {None}


@pytest.mark.parametrize("head", REFERRERS.values(), ids=REFERRERS.keys())
@pytest.mark.parametrize("script", ["location = '{own}/prize'", "document.links[0].click()"])
async def test_a_page_that_leads_elsewhere_does_not_bring_it_back(
    visit: Callable[..., Any], own: SecretSite, evil: SecretSite, head: str, script: str
):
    """The page goes to another origin, which leads back to the own one: that visit is the other's, not the crawl's."""
    then = script.replace("{own}", own.url)
    own.pages["/page"] = lambda _: (
        "<p>A page.</p><script>if (!localStorage.been) { localStorage.been = 1; "
        f"addEventListener('load', () => setTimeout(() => {{ location = '{evil.url}/away' }}, 60)) }}</script>"
    )
    own.pages["/prize"] = lambda _: asks(own.url, {"picture": WAYS["picture"]})
    evil.pages["/away"] = lambda _: (
        f"{head}<p>x</p><a href='{own.url}/prize'>x</a><script>setTimeout(() => {{ {then} }}, 20)</script>"
    )
    await visit("/page")
    await until(lambda: bool(own.keys_of("/prize")))
    assert own.keys_of("/prize") == [None]
    assert {headers.get("x-key") for _, headers in evil.asked} == {None}


async def test_headers_of_steps_are_bound_too(new_visitor: NewVisitor, own: SecretSite, evil: SecretSite):
    """Each ``goto`` of the own origin gets them, in between goes one to another origin that gets none."""
    own.pages["/page"] = own.pages["/login"] = lambda _: "<p>A page.</p><form action=/sent><button>x</button></form>"
    evil.pages["/away"] = lambda _: "<p>x"
    steps = [
        {"goto": f"{own.url}/login"},
        {"goto": f"{evil.url}/away"},
        {"goto": f"{own.url}/login"},
        {"click": "button"},
    ]
    config = crawl(headers={"X-Key": "${secret:K}"}, steps=steps)
    await new_visitor(K=KEY).log_in(f"{own.url}/page", config)
    assert own.keys_of("/login") == [KEY, KEY]
    assert own.keys_of("/sent") == [KEY]
    assert evil.keys_of("/away") == [None]


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Evil: 1", "a\x00b"])
async def test_a_secret_that_no_header_can_hold_is_refused_in_words(
    new_visitor: NewVisitor, own: SecretSite, value: str
):
    """A line break would begin another header: nothing is sent, and the failure says what to do."""
    found = await new_visitor(K=value).visit(f"{own.url}/page", crawl(headers={"X-Key": "${secret:K}"}))
    assert found.failure is not None
    assert found.failure.reason == "secret"
    assert "header X-Key: the secret K holds a line break" in found.failure.detail
    assert own.asked == []
