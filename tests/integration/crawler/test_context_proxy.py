"""The proxy itself, spoken to without a browser: what it refuses, how it streams, whom it lets in."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.crawling import until
from support.gates import Names, loopback_gate
from trapline_common.domain.observation import Reason
from trapline_crawler.proxy.context_proxy import ContextProxy

GREETING = b"\x05\x01\x00"
MIB = 1024 * 1024


def request(host: str, port: int) -> bytes:
    """Return the request that a browser sends for a name."""
    return b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2)


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[ContextProxy]:
    """An open proxy whose gate lets loopback through."""
    found = ContextProxy(loopback_gate(Names({"site.test": [["127.0.0.1"]]})))
    await found.open()
    found.allow(100 * MIB)
    yield found
    await found.close()


def port_of(proxy: ContextProxy) -> int:
    """Return where it listens."""
    return int(proxy.context_options()["proxy"]["server"].rpartition(":")[2])


async def ask(proxy: ContextProxy, sent: bytes) -> bytes:
    """Send at once and return everything that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
    writer.write(sent)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n",
        b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
        b"\x05\x01\x02",
        GREETING + b"\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50",
        GREETING + b"\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50",
        GREETING + b"\x05\x01\x00\x07\x7f\x00\x00\x01\x00\x50",
        GREETING + request("127.0.0.1", 80) + b"GET / HTTP/1.1\r\n\r\n",
        GREETING + b"\x05\x01\x00\x03\x04\xff\xfe\xfd\xfc\x00\x50",
        b"\x05" + bytes(1000),
    ],
    ids=["HTTP", "CONNECT", "SOCKS 4", "password", "BIND", "UDP", "kind", "early", "not ASCII", "long"],
)
async def test_what_no_browser_says_is_not_answered(proxy: ContextProxy, sent: bytes) -> None:
    """Anything but SOCKS 5 CONNECT, to the byte, ends the connection before anything is dialled."""
    assert await ask(proxy, sent) in {b"", b"\x05\x00"}


async def test_a_refusal_and_a_dead_port_have_different_replies(proxy: ContextProxy) -> None:
    """The browser gets a reply, and the visit can ask for the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for host, reply, reason in (
        ("10.0.0.1", 2, Reason.ADDRESS_REFUSED), ("nowhere.test", 4, Reason.DNS), ("site.test", 5, Reason.CONNECT),
    ):  # fmt: skip
        answer = await ask(proxy, GREETING + request(host, port))
        assert answer[2:4] == bytes([5, reply])
        failure = proxy.failure(f"http://{host}:{port}/x")
        assert failure is not None
        assert failure.reason is reason


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "site.test", "::ffff:127.0.0.1"])
async def test_no_proxy_is_a_way_into_another(host: str) -> None:
    """With loopback allowed, the proxies of all contexts of the crawler stay closed to pages, and free ports open."""
    gate = loopback_gate(Names({"site.test": [["127.0.0.1"]]}))
    first, second = ContextProxy(gate), ContextProxy(gate)
    await asyncio.gather(first.open(), second.open())
    first.allow(MIB)
    assert (await ask(first, GREETING + request(host, port_of(first))))[2:4] == b"\x05\x02"
    assert (await ask(first, GREETING + request(host, port_of(second))))[2:4] == b"\x05\x02"
    await second.close()
    await second.close()
    assert (await ask(first, GREETING + request("127.0.0.1", port_of(second))))[2:4] == b"\x05\x05"
    await first.close()


async def _connected(proxy: ContextProxy, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
    writer.write(GREETING + request("site.test", port))
    assert (await reader.readexactly(12))[:4] == b"\x05\x00\x05\x00"
    return reader, writer


async def test_a_slow_reader_slows_the_server(proxy: ContextProxy) -> None:
    """A download that the browser does not take is not taken from the server either: memory stays bounded."""
    sent = 0

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 64 * MIB:
            writer.write(bytes(MIB))
            sent += MIB
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    async with server:
        reader, writer = await _connected(proxy, server.sockets[0].getsockname()[1])
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)  # long enough for a pipe that is open to pass megabytes
        assert sent < 32 * MIB
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await reader.read()) == 64 * MIB
        writer.close()


async def test_past_the_allowance_everything_is_cut(proxy: ContextProxy) -> None:
    """Bytes are capped for all connections together; the next visit's allowance begins anew."""

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(2 * MIB))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        proxy.allow(MIB)
        reader, writer = await _connected(proxy, port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(2 * MIB)
        writer.close()
        assert proxy.spent
        assert (await ask(proxy, GREETING + request("site.test", port)))[2:4] == b"\x05\x02"
        proxy.allow(4 * MIB)
        reader, writer = await _connected(proxy, port)
        assert len(await reader.readexactly(2 * MIB)) == 2 * MIB
        writer.close()


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can become another user")
async def test_another_user_of_the_machine_is_not_let_in(proxy: ContextProxy) -> None:
    """The kernel knows whose socket it is; the crawler's own user is let in, another one is cut off unanswered."""
    script = (
        "import socket,sys\ns=socket.create_connection(('127.0.0.1',int(sys.argv[1])),5)\n"
        "try:\n s.sendall(b'\\x05\\x01\\x00'); sys.exit(len(s.recv(2)))\nexcept ConnectionError:\n sys.exit(0)"
    )

    async def answered(**who: int) -> int:
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/env",
            "python3",
            "-c",
            script,
            str(port_of(proxy)),
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            **who,
        )
        return await process.wait()

    assert sys.platform == "linux"
    assert await answered() == 2
    assert await answered(user=65534) == 0


async def test_a_closed_proxy_leaves_nothing_open(proxy: ContextProxy) -> None:
    """Closing ends the connections under way, and no new one can be made."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        reader, writer = await _connected(proxy, server.sockets[0].getsockname()[1])
        await proxy.close()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port_of(proxy))
        await until(lambda: not proxy._connections)
