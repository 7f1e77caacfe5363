"""Fetching over real HTTP: its bounds, and which failures are worth another try."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import pytest
import pytest_asyncio

from support.sitemap_site import SitemapSite, sitemap_site
from trapline_common.errors import InputRefusedError, TransientError
from trapline_dispatcher.http_fetch import HttpFetch


@pytest_asyncio.fixture
async def site() -> AsyncIterator[SitemapSite]:
    """Run a server for one test."""
    async with sitemap_site() as running:
        yield running


async def test_the_bytes_and_the_final_url(site: SitemapSite) -> None:
    """The file comes as it is, with the URL it was found at after relative and absolute redirects."""
    site.put("/c.xml", b"\x1f\x8b raw")
    site.redirect("/b.xml", site.origin + "/c.xml")
    fetched = await HttpFetch()(site.redirect("/a.xml", "b.xml"))
    assert (fetched.url, fetched.body) == (site.origin + "/c.xml", b"\x1f\x8b raw")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_worth_another_try(site: SitemapSite, status: int) -> None:
    """5xx and the 4xx that mean "later" are transient."""
    with pytest.raises(TransientError, match=f"HTTP {status}"):
        await HttpFetch()(site.put("/s.xml", "", status=f"{status} X"))


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410])
async def test_refused_for_good(site: SitemapSite, status: int) -> None:
    """Any other answer that is not the file is refused."""
    with pytest.raises(InputRefusedError, match=f"HTTP {status}"):
        await HttpFetch()(site.put("/s.xml", "", status=f"{status} X"))


async def test_a_hanging_server_is_transient(site: SitemapSite) -> None:
    """A server that never answers costs the time limit, no more."""
    with pytest.raises(TransientError, match=r"not answered within 0\.05 s"):
        await HttpFetch(timeout=0.05)(site.origin + "/hang")


async def test_nobody_listens_is_transient() -> None:
    """A refused connection may work later."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(TransientError, match="ConnectError"):
            await HttpFetch()(f"http://127.0.0.1:{port}/")


async def test_a_cut_answer_is_transient(site: SitemapSite) -> None:
    """A connection that ends before the announced length never passes for the whole file."""
    site.put("/s.xml", "http://e.com/a\n" * 10)
    site.files["/s.xml"] = site.files["/s.xml"][:-5]
    with pytest.raises(TransientError, match="ProtocolError"):
        await HttpFetch()(site.origin + "/s.xml")


async def test_bytes_are_bounded(site: SitemapSite) -> None:
    """A file at the limit is read, one byte more is refused."""
    assert len((await HttpFetch(max_bytes=1000)(site.put("/s.xml", bytes(1000)))).body) == 1000
    with pytest.raises(InputRefusedError, match="larger than 1000 bytes"):
        await HttpFetch(max_bytes=1000)(site.put("/s.xml", bytes(1001)))


async def test_redirects_are_bounded(site: SitemapSite) -> None:
    """A redirect loop ends."""
    with pytest.raises(InputRefusedError, match="more than 5 redirects"):
        await HttpFetch()(site.redirect("/loop", "/loop"))
    assert len(site.asked) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x", "http://u:p@h/", "http://0x7f.1/"])
async def test_a_redirect_cannot_leave_http(site: SitemapSite, target: str) -> None:
    """A redirect is held to the same rules as a URL in the file."""
    with pytest.raises(InputRefusedError, match="redirects to a refused URL"):
        await HttpFetch()(site.redirect("/s.xml", target))


async def test_a_redirect_without_a_target_is_refused(site: SitemapSite) -> None:
    """A redirect that does not say where to is refused."""
    with pytest.raises(InputRefusedError, match="without a Location"):
        await HttpFetch()(site.put("/s.xml", "", status="302 Found"))


class Gate(httpcore.AnyIOBackend):
    """The real network, with a list of hosts that may not be reached."""

    def __init__(self, *forbidden: str, error: Exception) -> None:
        """Raise ``error`` for the hosts in ``forbidden``."""
        self.forbidden = forbidden
        self.error = error
        self.asked: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, or refuse."""
        self.asked.append(host)
        if host in self.forbidden:
            raise self.error
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


async def test_every_connection_passes_the_seam(site: SitemapSite) -> None:
    """An address check in ``network`` sees redirects too, and its refusal reaches the caller as it is."""
    gate = Gate("169.254.169.254", error=InputRefusedError("a private address"))
    with pytest.raises(InputRefusedError, match="a private address"):
        await HttpFetch(network=gate)(site.redirect("/s.xml", "http://169.254.169.254/latest/meta-data/"))
    assert gate.asked == ["127.0.0.1", "169.254.169.254"]


@pytest.mark.parametrize(
    ("code", "expected"), [(socket.EAI_NONAME, InputRefusedError), (socket.EAI_AGAIN, TransientError)]
)
async def test_an_unknown_host_is_refused_and_a_silent_resolver_is_not(code: int, expected: type[Exception]) -> None:
    """A name that does not exist is the file's mistake; a resolver that does not answer is nobody's."""

    class Names(httpcore.AnyIOBackend):
        async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
            try:
                raise socket.gaierror(code, "resolver")
            except OSError as error:
                raise httpcore.ConnectError(str(error)) from error

    with pytest.raises(expected):
        await HttpFetch(network=Names())("http://nowhere.example/")


async def test_cancelling_closes_the_connection(site: SitemapSite) -> None:
    """A fetch that is cancelled ends at once and leaves nothing open (an unclosed socket fails the test)."""
    task = asyncio.create_task(HttpFetch()(site.origin + "/hang"))
    await site.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
