"""``DATABASE_URL`` takes what libpq takes; what asyncpg can't do is translated, or refused in words."""

import ssl
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from trapline_common.aws.ledger_login import logging_in
from trapline_common.domain.conninfo import read_conninfo
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.database_hosts import database_hosts
from trapline_common.ledger.address import Address, as_url, read_address


def asked(text: str, **environ: str) -> dict[str, str]:
    """Return what asyncpg is told."""
    address = read_address(text, environ)
    return {name: value for name, (value,) in parse_qs(address.dsn.partition("?")[2]).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host=a.example dbname=x user=u", {"host": "a.example", "dbname": "x", "user": "u"}),
        ("  host = a.example\n dbname='my db' ", {"host": "a.example", "dbname": "my db"}),
        (r"host=a.example password='it\'s \\ a' user=u", {"host": "a.example", "password": "it's \\ a", "user": "u"}),
        (r"host=a.example password=a\ b\=c", {"host": "a.example", "password": "a b=c"}),
        ("host=a.example password='' port=", {"host": "a.example"}),
        ("host=a.example host=b.example", {"host": "b.example"}),
        ("host=/var/run/postgresql dbname=x", {"host": "/var/run/postgresql", "dbname": "x", "sslmode": "disable"}),
        ("host=a,b port=1,2", {"host": "a,b", "port": "1,2"}),
        ("host=a,b port=6432", {"host": "a,b", "port": "6432"}),
        ("host=fd00::5 port=1", {"host": "[fd00::5]", "port": "1"}),
        ("hostaddr=10.0.0.5 dbname=x", {"host": "10.0.0.5", "dbname": "x"}),
        ("host=a.example hostaddr=10.0.0.5", {"host": "10.0.0.5"}),
        ("postgresql://u:p%40@a:6432/x", {"user": "u", "password": "p@", "host": "a", "port": "6432", "dbname": "x"}),
        ("postgres://a.example", {"host": "a.example"}),
        ("postgresql://a:1,b,[fd00::5]:3/x", {"host": "a,b,[fd00::5]", "port": "1,5432,3", "dbname": "x"}),
        ("postgresql://%2Fvar%2Frun:6432/x", {"host": "/var/run", "port": "6432", "dbname": "x", "sslmode": "disable"}),
        ("postgresql:///?host=/tmp&sslmode=verify-ca&sslrootcert=/none", {"host": "/tmp", "sslmode": "disable"}),
        ("postgresql:///x?host=a,b&port=1,2", {"dbname": "x", "host": "a,b", "port": "1,2"}),
        ("postgresql://a.example/x?ssl=true", {"host": "a.example", "dbname": "x", "sslmode": "require"}),
        ("postgresql://a.example/x?ssl=false", {"host": "a.example", "dbname": "x"}),
        ("postgresql://a?options=-c%20work_mem%3D8MB", {"host": "a", "options": "-c work_mem=8MB"}),
        ("postgresql://a,b?target_session_attrs=primary", {"host": "a,b", "target_session_attrs": "primary"}),
        ("postgresql://a?channel_binding=prefer&gssencmode=disable&keepalives=1&tcp_user_timeout=9", {"host": "a"}),
        ("postgresql://", {}),
    ],
)  # fmt: skip
def test_every_form_of_an_address_is_read(text: str, expected: dict[str, str]) -> None:
    """Pairs and URLs, quotes and percent forms, several hosts, sockets, addresses."""
    assert asked(text) == expected


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_mode_of_tls_is_passed_on(mode: str) -> None:
    """With the certificates that it names."""
    text = f"host=a.example sslmode={mode} sslrootcert=/ca.pem sslcert=/me.pem sslkey=/me.key"
    expected = {
        "host": "a.example",
        "sslmode": mode,
        "sslrootcert": "/ca.pem",
        "sslcert": "/me.pem",
        "sslkey": "/me.key",
    }
    assert asked(text) == expected


def test_the_systems_certificates() -> None:
    """``sslrootcert=system`` checks certificate and name against the system's own."""
    address = read_address("host=a.example sslrootcert=system", {})
    assert address.tls is not None
    assert (address.tls.verify_mode, address.tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert address.dsn == "postgresql://?host=a.example"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("host=a", None), ("host=a connect_timeout=10", 10.0), ("host=a connect_timeout=1", 2.0),
     ("host=a,b connect_timeout=10", 20.0), ("host=a connect_timeout=0", None), ("host=a connect_timeout=-1", None)],
)  # fmt: skip
def test_the_time_to_connect(text: str, seconds: float | None) -> None:
    """For each host; 0 and less is no limit of the address, so ours holds; at least 2 s, as in libpq."""
    assert read_address(text, {}).timeout == seconds


def test_the_sessions_name() -> None:
    """What the address says comes before ours."""
    assert read_address("host=a application_name=mine", {}).application == "mine"
    assert read_address("host=a", {"PGAPPNAME": "mine"}).application == "mine"
    assert read_address("host=a", {}).application is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mysql://a/x", "begins with mysql://"),
        ("postgresql+psycopg2://a/x", r"begins with postgresql\+psycopg2://, and not with postgresql://"),
        ("mydb", "neither a URL"),
        ("host=a dbname", "follows after `host`"),
        ("host='a", "no pair key=value"),
        ("host=a pasword=x", "pasword: libpq has no such parameter"),
        ("host=a requirepeer=postgres", "requirepeer: .* can't keep it"),
        ("host=a require_auth=scram-sha-256", "require_auth: .* can't keep it"),
        ("host=a channel_binding=require", "channel_binding=require: .*verify-full"),
        ("host=a gssencmode=require", "gssencmode=require: .*sslmode"),
        ("host=a load_balance_hosts=random", "load_balance_hosts=random: .*order"),
        ("host=a sslsni=0", "sslsni=0"),
        ("host=a replication=database", "replication=database"),
        ("host=a connect_timeout=soon", "connect_timeout=soon: whole seconds"),
        ("host=a port=0", "port: 1 to 65535"),
        ("host=a,b port=1,2,3", "3 ports for 2 hosts"),
        ("host=a, dbname=x", "an empty one in a list"),
        ("host=@socket", "no abstract sockets"),
        ("host=a hostaddr=10.0.0.5 sslmode=verify-full", "hostaddr beside host"),
        ("host=a sslrootcert=system sslmode=require", "goes with sslmode=verify-full"),
        ("host=a service=nowhere", "service=nowhere: no such section"),
        ("postgresql://u:p%zz@a/x", "two hexadecimal digits"),
        ("postgresql://u@[fd00::5/x", "a host is none"),
        ("postgresql://u:hunter@2@a/x", "an @ or / in a password is %40"),
        ("postgresql://u:hunter/2@a/x", "port: .*in a password, / is %2F"),
        ("postgresql://a/x?sslmode", "no key=value"),
        ("postgresql://a/x?sslmode=", "sslmode: its value is empty"),
        ("host=a sslmode=''", "sslmode: its value is empty"),
        ("postgresql://a/x?channel_binding=&sslmode=require", "channel_binding: its value is empty"),
        ("postgresql://a/x?ssl=1", "ssl is true or false; .*sslmode=require"),
        ("postgresql://a/x?ssl=verify-full", "ssl is true or false"),
    ],
)  # fmt: skip
def test_what_can_not_be_kept_is_refused_in_words(text: str, words: str) -> None:
    """Each refusal names the variable, the parameter and what to write."""
    with pytest.raises(InputRefusedError, match=f"^DATABASE_URL: .*{words}"):
        read_address(text, {})


@pytest.mark.parametrize(
    "text",
    [
        "host=a password=hunter2 x",
        "postgresql://u:hunter2%zz@a/x",
        "postgresql://u:hunter2@a:b:c/x",
        "postgresql://u:a@hunter2@b/x",
        "postgresql://u:hunter2/x@b/x",
        "password=hunter2",
        "host=a password='hunter2",
    ],
)
def test_no_refusal_shows_a_password(text: str) -> None:
    """A line of an error may go to a log."""
    try:
        read_address(text, {})
    except InputRefusedError as error:
        assert "hunter2" not in str(error)  # noqa: PT017  (one of them is no error)


def test_what_is_left_out_comes_from_the_service_and_the_variables(tmp_path: Path) -> None:
    """The address first, then the service, then ``PG*``; a host that is named follows no other's service."""
    services = tmp_path / "services"
    services.write_text("[ours]\nhost=s.example\nport=6000\nsslmode=require\n")
    environ = {
        "PGSERVICEFILE": str(services), "PGSERVICE": "ours", "PGUSER": "me", "PGPORT": "7000", "PGHOSTADDR": "10.0.0.9",
        "PGPASSFILE": "/pass", "PGCONNECT_TIMEOUT": "5", "PGOPTIONS": "-c x=y", "PGCHANNELBINDING": "prefer",
    }  # fmt: skip
    common = {"user": "me", "passfile": "/pass", "options": "-c x=y"}
    found = {**common, "dbname": "x", "host": "10.0.0.9", "port": "6000", "sslmode": "require"}
    assert asked("dbname=x", **environ) == found
    assert asked("host=t.example dbname=x", **environ) == {**common, "host": "t.example", "port": "7000", "dbname": "x"}
    assert asked("host=t.example service=ours", **environ) == {
        **common,
        "host": "t.example",
        "port": "6000",
        "sslmode": "require",
    }
    assert read_address("dbname=x", environ).timeout == 5.0
    with pytest.raises(InputRefusedError, match="channel_binding=require"):
        read_address("dbname=x", {**environ, "PGCHANNELBINDING": "require"})


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("host=db.example dbname=x", [("db.example", 5432)]),
        ("host=a,b port=1,2", [("a", 1), ("a", 2), ("b", 1), ("b", 2)]),
        ("host=a.example hostaddr=10.0.0.5 port=6432", [("a.example", 6432), ("10.0.0.5", 6432)]),
        ("hostaddr=fd00::5", [("fd00::5", 5432)]),
        ("host='/var/run/postgresql' port = 6432", [("127.0.0.1", 6432)]),
        ("dbname=x", [("127.0.0.1", 5432)]),
    ],
)
def test_the_gate_keeps_pages_from_every_form(text: str, hosts: list[tuple[str, int]]) -> None:
    """No page reaches the database, in whatever form its address is."""
    assert list(database_hosts({"DATABASE_URL": text})) == hosts


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://u@a/x?sslmode=require", "postgresql://u@a/x?sslmode=require"),
        ("host=a.example user=u dbname=x", "postgresql://u@a.example/x"),
        ("host=fd00::5 port=6432 user=u password='p@' dbname='a b'", "postgresql://u:p%40@[fd00::5]:6432/a%20b"),
        ("host=/var/run user=u port=1", "postgresql://u@/?host=%2Fvar%2Frun&port=1"),
        ("host=a,b port=1,2 sslmode=verify-full", "postgresql:///?sslmode=verify-full&host=a%2Cb&port=1%2C2"),
    ],
)
def test_pairs_as_a_url(text: str, url: str) -> None:
    """What logs in as another user works on a URL; both say the same."""
    assert as_url(text) == url
    assert read_conninfo(as_url(text)) == read_conninfo(text)


def test_another_user_logs_in_by_pairs_too() -> None:
    """The token of RDS takes the place of the password."""
    url = logging_in("host=a.example user=u dbname=x sslmode=verify-full", user="me", password="to/ken")
    assert url == "postgresql://me:to%2Fken@a.example/x?sslmode=verify-full"


def test_an_address_without_anything_says_nothing() -> None:
    """Then all is asyncpg's default, as it is libpq's."""
    assert read_address("postgresql://", {}) == Address(dsn="postgresql://", timeout=None, application=None, tls=None)
