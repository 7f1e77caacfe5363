"""Fetching over real HTTP: its bounds, and which failures are worth another try."""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
import pytest_asyncio

from support.gates import LOOPBACK, Names, loopback_gate
from support.sitemap_site import SitemapSite, sitemap_site
from support.traps import Trap
from support.traps import trap as listening_trap
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.own_services import Endpoint


@pytest_asyncio.fixture
async def site() -> AsyncIterator[SitemapSite]:
    """Run a server for one test."""
    async with sitemap_site() as running:
        yield running


@pytest_asyncio.fixture
async def trap() -> AsyncIterator[Trap]:
    """Addresses where nothing may arrive."""
    async with listening_trap() as found:
        yield found


async def test_the_bytes_and_the_final_url(site: SitemapSite) -> None:
    """The file comes as it is, with the URL it was found at after relative and absolute redirects."""
    site.put("/c.xml", b"\x1f\x8b raw")
    site.redirect("/b.xml", site.origin + "/c.xml")
    fetched = await HttpFetch(gate=loopback_gate())(site.redirect("/a.xml", "b.xml"))
    assert (fetched.url, fetched.body) == (site.origin + "/c.xml", b"\x1f\x8b raw")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_worth_another_try(site: SitemapSite, status: int) -> None:
    """5xx and the 4xx that mean "later" are transient."""
    with pytest.raises(TransientError, match=f"HTTP {status}"):
        await HttpFetch(gate=loopback_gate())(site.put("/s.xml", "", status=f"{status} X"))


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410])
async def test_refused_for_good(site: SitemapSite, status: int) -> None:
    """Any other answer that is not the file is refused."""
    with pytest.raises(InputRefusedError, match=f"HTTP {status}"):
        await HttpFetch(gate=loopback_gate())(site.put("/s.xml", "", status=f"{status} X"))


async def test_a_hanging_server_is_transient(site: SitemapSite) -> None:
    """A server that never answers costs the time limit, no more."""
    with pytest.raises(TransientError, match=r"not answered within 0\.05 s"):
        await HttpFetch(gate=loopback_gate(), timeout=0.05)(site.origin + "/hang")


async def test_no_listener_is_transient() -> None:
    """A refused connection may work later."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(TransientError, match="ConnectError"):
            await HttpFetch(gate=loopback_gate())(f"http://127.0.0.1:{port}/")


async def test_a_cut_answer_is_transient(site: SitemapSite) -> None:
    """A connection that ends before the announced length never passes for the whole file."""
    site.put("/s.xml", "http://e.com/a\n" * 10)
    site.files["/s.xml"] = site.files["/s.xml"][:-5]
    with pytest.raises(TransientError, match="ProtocolError"):
        await HttpFetch(gate=loopback_gate())(site.origin + "/s.xml")


async def test_bytes_are_bounded(site: SitemapSite) -> None:
    """A file at the limit is read, one byte more is refused."""
    assert len((await HttpFetch(gate=loopback_gate(), max_bytes=1000)(site.put("/s.xml", bytes(1000)))).body) == 1000
    with pytest.raises(InputRefusedError, match="larger than 1000 bytes"):
        await HttpFetch(gate=loopback_gate(), max_bytes=1000)(site.put("/s.xml", bytes(1001)))


async def test_redirects_are_bounded(site: SitemapSite) -> None:
    """A redirect loop ends."""
    with pytest.raises(InputRefusedError, match="more than 5 redirects"):
        await HttpFetch(gate=loopback_gate())(site.redirect("/loop", "/loop"))
    assert len(site.asked) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x", "http://u:p@h/", "http://0x7f.1/"])
async def test_a_redirect_cannot_leave_http(site: SitemapSite, target: str) -> None:
    """A redirect is held to the same rules as a URL in the file."""
    with pytest.raises(InputRefusedError, match="redirects to a refused URL"):
        await HttpFetch(gate=loopback_gate())(site.redirect("/s.xml", target))


async def test_a_redirect_without_a_target_is_refused(site: SitemapSite) -> None:
    """A redirect that does not say where to is refused."""
    with pytest.raises(InputRefusedError, match="without a Location"):
        await HttpFetch(gate=loopback_gate())(site.put("/s.xml", "", status="302 Found"))


async def test_every_connection_passes_the_gate(site: SitemapSite, trap: Trap) -> None:
    """A redirect to a private address is refused with what to set, and nothing arrives there."""
    narrow = Gate(policy=AddressPolicy(allow_private=(ip_network("127.0.0.1/32"),)), resolve=Names())
    with pytest.raises(InputRefusedError, match=r"127\.0\.0\.9 \(loopback\).*--allow-private 127\.0\.0\.9"):
        await HttpFetch(gate=narrow)(site.redirect("/s.xml", f"http://127.0.0.9:{trap.port}/latest/meta-data/"))
    assert site.asked == ["/s.xml"]
    assert trap.arrivals == 0


@pytest.mark.parametrize("host", ["127.0.0.9", "[::ffff:127.0.0.9]", "ours.example", "OURS.example."])
async def test_a_sitemap_does_not_lead_to_what_is_ours(site: SitemapSite, trap: Trap, host: str) -> None:
    """With all of loopback allowed, a redirect to our own port is refused at each address and name of the machine."""
    own = (Endpoint(host="127.0.0.1", port=trap.port, what="Trapline's own database"),)
    names = Names({"ours.example": [["127.0.0.9"]], "ours.example.": [["127.0.0.9"]]})
    gate = Gate(policy=AddressPolicy(allow_private=LOOPBACK), own=own, resolve=names)
    with pytest.raises(InputRefusedError, match="Trapline's own database"):
        await HttpFetch(gate=gate)(site.redirect("/s.xml", f"http://{host}:{trap.port}/"))
    assert trap.arrivals == 0


async def test_a_name_is_looked_up_once_and_its_checked_address_is_dialled(site: SitemapSite, trap: Trap) -> None:
    """A name that turns to a private address after the check was dialled by the address that was checked."""
    narrow = AddressPolicy(allow_private=(ip_network("127.0.0.1/32"),))
    names = Names({"two.example": [["127.0.0.1"], ["127.0.0.9"]]})
    port = site.origin.rpartition(":")[2]
    site.put("/s.xml", "found")
    fetched = await HttpFetch(gate=Gate(policy=narrow, resolve=names))(f"http://two.example:{port}/s.xml")
    assert fetched.body == b"found"
    assert names.asked == ["two.example"]


@pytest.mark.parametrize(
    ("code", "expected"), [(socket.EAI_NONAME, InputRefusedError), (socket.EAI_AGAIN, TransientError)]
)
async def test_an_unknown_host_is_refused_and_a_silent_resolver_is_not(code: int, expected: type[Exception]) -> None:
    """A name that does not exist is the file's mistake; a resolver that does not answer is asked again."""
    names = Names({"nowhere.example": [socket.gaierror(code, "resolver")]})
    with pytest.raises(expected):
        await HttpFetch(gate=loopback_gate(names))("http://nowhere.example/")


async def test_cancelling_closes_the_connection(site: SitemapSite) -> None:
    """A fetch that is cancelled ends at once and leaves nothing open (an unclosed socket fails the test)."""
    task = asyncio.create_task(HttpFetch(gate=loopback_gate())(site.origin + "/hang"))
    await site.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


ABSURD_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nffffffffffffffffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
    b"HTTP/1.1 99999999999 OK\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: //[\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://" + b"a" * 300 + b".example/\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999999/\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\x00\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    b"\x00" * 1000,
    b"",
]


@pytest.mark.parametrize("answer", ABSURD_ANSWERS, ids=range(len(ABSURD_ANSWERS)))
async def test_no_answer_is_an_error_of_another_kind(site: SitemapSite, answer: bytes) -> None:
    """Whatever a server sends, a fetch raises what ``Fetch`` says that it raises."""
    url = site.put("/s.xml", "")
    site.files["/s.xml"] = answer
    with pytest.raises((InputRefusedError, TransientError)):
        await HttpFetch(gate=loopback_gate(), timeout=2.0)(url)


async def test_a_stream_without_end_is_cut_off(site: SitemapSite) -> None:
    """A file that never ends is given up at its size, and one that never comes at its time."""
    site.files["/s.xml"] = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000
    with pytest.raises(InputRefusedError, match="larger than 1000 bytes"):
        await HttpFetch(gate=loopback_gate(), max_bytes=1000)(site.origin + "/s.xml")
    with pytest.raises(TransientError, match="not answered within"):
        await HttpFetch(gate=loopback_gate(), timeout=0.2)(site.origin + "/hang")
    site.hang.set()
    with pytest.raises(InputRefusedError, match="more than 5 redirects"):
        await HttpFetch(gate=loopback_gate())(site.redirect("/loop", "/loop"))
