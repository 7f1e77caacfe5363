"""Where the web view listens, and by which names."""

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_machine.serve.listen_address import PORT, ListenAddress


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        (None, "127.0.0.1", PORT),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("localhost:0", "127.0.0.1", 0),
        ("127.8.8.8", "127.8.8.8", PORT),
        ("::1", "::1", PORT),
        ("[::1]", "::1", PORT),
        ("[::1]:65535", "::1", 65_535),
    ],
)
def test_loopback_needs_no_name(listen: str | None, host: str, port: int) -> None:
    """An address that no other machine reaches, with or without a port."""
    found = ListenAddress.read(listen, ())
    assert (found.host, found.port) == (host, port)
    assert found.hosts(81) == {"127.0.0.1:81", "localhost:81", "[::1]:81"}


@pytest.mark.parametrize("listen", ["0.0.0.0", "[::]:80", "192.0.2.7:80", "::"])
def test_any_other_address_needs_a_name(listen: str) -> None:
    """What other machines reach answers to the names that were said, and to no other: not even to its address."""
    with pytest.raises(InputRefusedError, match="say with --allow-host by which name"):
        ListenAddress.read(listen, ())
    found = ListenAddress.read(listen, ("Trapline.example.com",))
    assert found.hosts(81) == {"trapline.example.com", "trapline.example.com:81"}
    assert found.url(81) == "http://trapline.example.com:81"


def test_a_name_has_its_own_port_behind_a_proxy() -> None:
    """Such a name is answered as it stands."""
    found = ListenAddress.read("0.0.0.0:80", ("a.example:8443",))
    assert "a.example:8443" in found.hosts(80)
    assert found.url(80) == "http://a.example:8443"
    assert ListenAddress.read("::1", ()).url(80) == "http://[::1]:80"


@pytest.mark.parametrize("listen", ["example.com", "1.2.3", "127.0.0.1:", "127.0.0.1:65536", "[::1", "127.0.0.1:8x"])
def test_no_address_is_refused(listen: str) -> None:
    """A name would be looked up, and might be any address; a port has five digits at most."""
    with pytest.raises(InputRefusedError, match="is no address"):
        ListenAddress.read(listen, ("a.example",))


@pytest.mark.parametrize("name", ["", "*", "https://a.example", "a.example/x", "a b", "a@b"])
def test_no_name_is_refused(name: str) -> None:
    """A pattern would answer to a name of a foreign page."""
    with pytest.raises(InputRefusedError, match="--allow-host"):
        ListenAddress.read("0.0.0.0", (name,))
