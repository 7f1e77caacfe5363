"""Guarantee 7: a page's browser reaches nothing that the gate does not open.

The allowed site is on 127.0.0.1; what is forbidden is loopback too (``support.traps``), listening and counting.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from support.attacks import attack, attacking_site, every_attack, every_form
from support.crawling import LIMITS, KnownSecrets, crawl, new_browser, until
from support.gates import Names
from support.traps import Trap, trap
from support.vectors import FORMS, HEADERS, LOUD, SCHEMES, SILENT, SILENT_HEADERS
from trapline_common.domain.observation import Observation, Reason
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_common.egress.own_services import Endpoint
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

Visit = Callable[[str], "asyncio.Future[Observation]"]
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
PATIENT = crawl(settle={"quiet": 0.15, "at_most": 1}, timeout=10)
FORBIDDEN_NAMES = {
    "private.test": [["127.0.0.9"]],
    "private.test.": [["127.0.0.9"]],
    "six.test": [["::1"]],
    "mapped.test": [["::ffff:127.0.0.9"]],
    "localhost": [["::1"]],
    "x.localhost": [["::1"]],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    """The attacker's own site, which is allowed."""
    async with attacking_site() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forbidden() -> AsyncIterator[Trap]:
    """Addresses where nothing may arrive."""
    async with trap() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def allowed() -> AsyncIterator[Trap]:
    """The same kind of server where everything may arrive."""
    async with trap(["127.0.0.1"]) as found:
        yield found


@pytest.fixture(scope="module")
def names() -> Names:
    """The names that exist here."""
    turning = {f"turns{number}.test": [["127.0.0.1"], ["127.0.0.9"]] for number in range(5)}
    return Names(FORBIDDEN_NAMES | turning | {"mixed.test": [["127.0.0.9", "127.0.0.1"]]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(names: Names, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    """Visit in a browser whose gate allows 127.0.0.1 and nothing else that is private."""
    policy = AddressPolicy(allow_private=(ip_network("127.0.0.1/32"),))
    browser = new_browser(gate=Gate(policy=policy, resolve=names))
    folder: Path = tmp_path_factory.mktemp("artifacts")
    visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets(), limits=LIMITS)
    yield lambda url: asyncio.ensure_future(visitor.visit(url, PATIENT))
    await visitor.close()
    await browser.close()


@pytest.mark.parametrize("kind", [*LOUD, *HEADERS])
async def test_a_way_is_closed_where_it_leads_to_the_forbidden_and_open_elsewhere(
    kind: str, visit: Visit, origin: str, forbidden: Trap, allowed: Trap
) -> None:
    """Each way that a browser takes arrives at the allowed server, and at none that is not."""
    before = allowed.arrivals
    await asyncio.gather(
        *(
            visit(attack(origin, kind, f"http://{host}/"))
            for host in (f"127.0.0.9:{forbidden.port}", f"[::1]:{forbidden.port}", f"127.0.0.1:{allowed.port}")
        )
    )
    await until(lambda: allowed.arrivals > before, 5)
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


@pytest.mark.parametrize("kind", [*SILENT, *SILENT_HEADERS])
async def test_a_side_road_is_closed(kind: str, visit: Visit, origin: str, forbidden: Trap) -> None:
    """What this browser does on the side, or not at all, does not arrive either: no datagram, no connection."""
    hosts = (f"127.0.0.9:{forbidden.port}", f"[::1]:{forbidden.port}", f"private.test:{forbidden.port}")
    await asyncio.gather(*(visit(attack(origin, kind, f"http://{host}/")) for host in hosts))
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


@pytest.mark.parametrize("form", FORMS)
async def test_no_way_of_writing_an_address_gets_past(form: str, visit: Visit, origin: str, forbidden: Trap) -> None:
    """However an address is written, going there and loading a part from there is refused."""
    to = FORMS[form].replace("@PORT@", str(forbidden.port))
    gone, _ = await asyncio.gather(*(visit(attack(origin, kind, to)) for kind in ("script", "part")))
    assert gone.failure is not None
    assert (gone.failure.reason, gone.failure.retry) == (Reason.ADDRESS_REFUSED, False)
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_other_scheme_is_followed(scheme: str, visit: Visit, origin: str, forbidden: Trap) -> None:
    """A page can't send the browser to a file, to the browser's own pages or to a page made up by itself."""
    to = SCHEMES[scheme].replace("@PORT@", str(forbidden.port))
    ways = ("script", "link", "frame", "redirect 302", "meta refresh")
    for found in await asyncio.gather(*(visit(attack(origin, way, to.replace("'", "%27"))) for way in ways)):
        assert "root:" not in (found.text or "")
        assert found.failure is not None or (found.final_url or "").startswith(origin)
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


@pytest.mark.parametrize("number", range(5))
async def test_a_name_that_turns_private_leads_where_it_was_checked(
    number: int, visit: Visit, names: Names, forbidden: Trap
) -> None:
    """Rebinding: the first answer is checked and dialled without asking again, the next one is checked and refused."""
    url = f"http://turns{number}.test:{forbidden.port}/"
    async with trap(["127.0.0.1"], port=forbidden.port) as first:
        await visit(url)
        assert first.arrivals >= 1
        found = await visit(url)
    assert found.failure is not None
    assert found.failure.reason is Reason.ADDRESS_REFUSED
    assert names.asked.count(f"turns{number}.test") >= 2
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


async def test_of_a_mixed_answer_only_the_allowed_address_is_dialled(
    visit: Visit, forbidden: Trap, allowed: Trap
) -> None:
    """A name with a forbidden address first and an allowed one second leads to the second."""
    before = allowed.arrivals
    await visit(f"http://mixed.test:{allowed.port}/")
    assert allowed.arrivals > before
    await visit(f"http://mixed.test:{forbidden.port}/")
    assert (forbidden.arrivals, forbidden.seen) == (0, [])


async def test_the_refusal_says_what_to_set(visit: Visit, forbidden: Trap) -> None:
    """The visit's failure is final and names the address and the setting; a metadata address names none."""
    mine = await visit(f"http://private.test:{forbidden.port}/")
    clouds = await visit("http://169.254.169.254/latest/meta-data/")
    assert mine.failure is not None
    assert clouds.failure is not None
    assert mine.failure.detail.startswith("private.test is 127.0.0.9 (loopback)")
    assert "--allow-private 127.0.0.9" in mine.failure.detail
    assert clouds.failure.reason is Reason.ADDRESS_REFUSED
    assert clouds.failure.detail.endswith("no setting opens it")


def _addresses_of_this_machine() -> list[str]:
    """Return loopback addresses and those of every interface, but link-local ones, which no setting opens."""
    loopback = ["127.0.0.1", "127.0.0.2", "127.0.0.9", "::1"]
    found = (each.address for those in psutil.net_if_addrs().values() for each in those if each.family in _INTERNET)
    return list(dict.fromkeys([*loopback, *(each for each in found if not ip_address(each).is_link_local)]))


def _ports_of_browsers() -> list[int]:
    """Return the TCP ports on which browsers and their drivers listen."""
    ports = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith(("chrom", "headless", "node")):
                ports += [each.laddr.port for each in process.net_connections("tcp") if each.status == "LISTEN"]
    return ports


async def test_ours_stays_closed_at_every_address_whatever_is_allowed(
    names: Names, origin: str, tmp_path: Path
) -> None:
    """With the whole of IPv4 and IPv6 allowed, no way and no notation leads to our port at any address of the machine.

    A server beside it on the same addresses is reached by each of these pages: our port alone makes the difference.
    """
    addresses = _addresses_of_this_machine()
    everything = AddressPolicy(allow_private=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    patient = crawl(settle={"quiet": 0.15, "at_most": 2}, timeout=30)
    async with trap(addresses) as ours, trap(addresses) as others:
        own = (Endpoint(host="127.0.0.1", port=ours.port, what="Trapline's own database"),)
        browser = new_browser(gate=Gate(policy=everything, own=own, resolve=names))
        visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(tmp_path), secrets=KnownSecrets())
        try:
            for port in (ours.port, others.port):
                targets = [f"http://{f'[{each}]' if ':' in each else each}:{port}/" for each in addresses]
                for url in (every_attack(origin, targets), every_form(origin, port)):
                    assert (await visitor.visit(url, patient)).failure is None
                direct = await visitor.visit(targets[1], patient)
                assert direct.failure is not None
                assert (direct.failure.reason is Reason.ADDRESS_REFUSED) is (port == ours.port)
            # The browser is driven through a pipe: there is no port that a page could look for
            assert _ports_of_browsers() == []
        finally:
            await visitor.close()
            await browser.close()
    assert (ours.arrivals, ours.seen) == (0, [])
    assert others.arrivals > len(LOUD)
