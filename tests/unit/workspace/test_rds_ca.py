"""Which certificates of RDS are built in: those whose SHA-256 a person has set, and no others."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tools.deploy import rds_ca
from tools.deploy.rds_ca import certificates, fingerprint
from tools.shell import ToolError

DATA = b"-----BEGIN CERTIFICATE-----"
PIN = hashlib.sha256(DATA).hexdigest()


class Bundle(BaseHTTPRequestHandler):
    """Serves the file, as AWS does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def source() -> Iterator[str]:
    """Address of a server on loopback that has the file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Bundle) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_without_a_pin_nothing_is_built(tmp_path):
    """Not even with a file that is there: the person who builds names the certificates by their hash."""
    (tmp_path / "ca.pem").write_bytes(DATA)
    for pin in ({}, {rds_ca.PIN_SETTING: ""}, {rds_ca.PIN_SETTING: "abc"}):
        with pytest.raises(ToolError, match="TRAPLINE_RDS_CA_SHA256="):
            certificates({**pin, rds_ca.CA_SETTING: str(tmp_path / "ca.pem")}, kept=tmp_path)


def test_a_file_is_taken_if_it_is_the_one(tmp_path):
    """A path is used where nothing can be fetched; another content, or no file, is refused with its hash."""
    (tmp_path / "ca.pem").write_bytes(DATA)
    environ = {rds_ca.CA_SETTING: str(tmp_path / "ca.pem"), rds_ca.PIN_SETTING: PIN.upper()}
    assert fingerprint(certificates(environ, source="http://127.0.0.1:9/", kept=tmp_path)) == PIN
    with pytest.raises(ToolError, match=f"has SHA-256 {PIN}"):
        certificates({**environ, rds_ca.PIN_SETTING: "0" * 64}, kept=tmp_path)
    with pytest.raises(ToolError, match="no such file"):
        certificates({**environ, rds_ca.CA_SETTING: "/nowhere.pem"}, kept=tmp_path)


def test_it_is_fetched_once_and_checked_each_time(tmp_path, source):
    """What the network sent is kept only if it is the one; what was kept and changed since is refused."""
    with pytest.raises(ToolError, match="AWS may have changed it"):
        certificates({rds_ca.PIN_SETTING: "0" * 64}, source=source, kept=tmp_path)
    assert list(tmp_path.iterdir()) == []
    environ = {rds_ca.PIN_SETTING: PIN}
    path = certificates(environ, source=source, kept=tmp_path)
    assert path.read_bytes() == DATA
    assert certificates(environ, source="http://127.0.0.1:9/", kept=tmp_path) == path
    path.write_bytes(b"other")
    with pytest.raises(ToolError, match="AWS may have changed it"):
        certificates(environ, source=source, kept=tmp_path)


def test_where_it_can_not_be_fetched_the_file_is_asked_for(tmp_path):
    """A build without a network says which setting names the file."""
    with pytest.raises(ToolError, match="TRAPLINE_RDS_CA=/path"):
        certificates({rds_ca.PIN_SETTING: PIN}, source="http://127.0.0.1:9/", kept=tmp_path)
