"""Which authorities of RDS are built in: the release's, or a file that holds them all or that a person has named."""

import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.deploy import rds_ca
from tools.deploy.rds_ca import CA_SETTING, PIN_SETTING, RELEASED, authorities, certificates, fingerprint, name
from tools.shell import ToolError

NOWHERE = "http://127.0.0.1:9/"
FACTS = [line.split("\t") for line in RELEASED.with_name("facts.tsv").read_text().splitlines()[1:]]
RDS_OWN = [row[0] for row in FACTS if row[0].startswith("Amazon RDS ")]
WITHOUT_EXPIRED = 115 - 28


def certificate(subject: str, *, unit: str = "Amazon RDS", ca: bool = True) -> bytes:
    """Return a certificate that signs itself, as AWS would add for a new region."""
    key = ec.generate_private_key(ec.SECP256R1())
    pairs = [(NameOID.COMMON_NAME, subject), (NameOID.ORGANIZATIONAL_UNIT_NAME, unit)]
    names = x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(names).issuer_name(names).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    built = built.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


NEW_REGION = certificate("Amazon RDS mars-north-1 Root CA ECC384 G1")


def rds_own() -> bytes:
    """Return what AWS's own file has of the release's: those of RDS, without Amazon's five roots."""
    blocks = re.findall(rb"-----BEGIN.*?END CERTIFICATE-----\n", RELEASED.read_bytes(), re.DOTALL)
    return b"".join(
        block for block in blocks if b"RDS" in next(iter(authorities(block).values())).subject.public_bytes()
    )


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """Serves a file on loopback, as AWS does; returns its address."""
    served: list[ThreadingHTTPServer] = []

    def at(data: bytes) -> str:
        class Bundle(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        served.append(ThreadingHTTPServer(("127.0.0.1", 0), Bundle))
        Thread(target=served[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{served[-1].server_address[1]}/"

    yield at
    for server in served:
        server.shutdown()
        server.server_close()


def test_the_facts_are_those_of_the_certificates():
    """The written table of names, key ids and ends is the file's own; each signs itself, may sign, and lives on."""
    found = authorities(RELEASED.read_bytes()).values()
    table = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in found:
            key_id = one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
            table.append([name(one), key_id, str(one.not_valid_after_utc.date())])
            one.verify_directly_issued_by(one)
            assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            assert one.not_valid_after_utc > datetime(2037, 1, 1, tzinfo=UTC)
    assert table == FACTS


def test_every_region_has_its_three_authorities():
    """RSA 2048, RSA 4096 and ECC for each of 27 regions and AWS's two trial ones; and Amazon's five public roots."""
    regions = Counter(re.sub(r" Root CA .*", "", one) for one in RDS_OWN)
    assert set(regions.values()) == {3}
    assert len(regions) == 29
    assert len(RDS_OWN) == WITHOUT_EXPIRED
    assert len(FACTS) == WITHOUT_EXPIRED + 5


def test_a_deploy_asks_and_fetches_nothing(tmp_path):
    """Without a setting and without a network the release's own are built in, for a region that they sign."""
    for region in (None, "eu-central-1", "us-east-1"):
        assert certificates({}, region=region, source=NOWHERE, kept=tmp_path) == RELEASED
    assert list(tmp_path.iterdir()) == []


def test_a_newer_region_is_served_by_a_newer_file_of_aws(tmp_path, serve, capsys):
    """Where the release knows none of the region, AWS's file is fetched once: all known ones in it, and new ones."""
    source = serve(rds_own() + NEW_REGION)
    path = certificates({}, region="mars-north-1", source=source, kept=tmp_path)
    assert path.read_bytes() == rds_own() + NEW_REGION
    assert "holds all that this release knows, and 1 more" in capsys.readouterr().out
    assert certificates({}, region="mars-north-1", source=NOWHERE, kept=tmp_path) == path
    with pytest.raises(ToolError, match="no authority of RDS in venus-1"):
        certificates({}, region="venus-1", source=source, kept=tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (NEW_REGION, "lacks 87 authorities of this release"),
        (rds_own()[: rds_own().rindex(b"-----BEGIN")] + NEW_REGION, "lacks 1 authorities"),
        (rds_own() + NEW_REGION + certificate("Mallory", unit="Mallory"), "no authority of RDS, such as .*Mallory"),
        (rds_own() + NEW_REGION + certificate("Amazon RDS x", ca=False), "no authority of RDS, such as .*RDS x"),
        (b"<html>captive portal</html>", "holds no certificates"),
    ],
)
def test_another_file_is_refused_and_not_kept(tmp_path, serve, data, reason):
    """A file that lacks a known authority, or holds a stranger, is refused wherever it comes from, and not kept."""
    with pytest.raises(ToolError, match=reason):
        certificates({}, region="mars-north-1", source=serve(data), kept=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    (tmp_path / "given.pem").write_bytes(data)
    with pytest.raises(ToolError, match=reason):
        certificates({CA_SETTING: str(tmp_path / "given.pem")}, kept=tmp_path)


def test_a_pinned_file_overrides(tmp_path, serve):
    """With its SHA-256 any file is taken, by path or fetched; another content is refused with its own hash."""
    pin = hashlib.sha256(NEW_REGION).hexdigest()
    (tmp_path / "ca.pem").write_bytes(NEW_REGION)
    environ = {CA_SETTING: str(tmp_path / "ca.pem"), PIN_SETTING: pin.upper()}
    assert fingerprint(certificates(environ, region="mars-north-1", source=NOWHERE, kept=tmp_path)) == pin
    with pytest.raises(ToolError, match=f"has SHA-256 {pin}"):
        certificates({**environ, PIN_SETTING: "0" * 64}, kept=tmp_path)
    with pytest.raises(ToolError, match="no such file"):
        certificates({**environ, CA_SETTING: "/nowhere.pem"}, kept=tmp_path)
    with pytest.raises(ToolError, match="64 hexadecimal digits"):
        certificates({PIN_SETTING: "abc"}, kept=tmp_path)
    kept = certificates({PIN_SETTING: pin}, source=serve(NEW_REGION), kept=tmp_path)
    kept.write_bytes(b"other")
    with pytest.raises(ToolError, match="look at what is new in it"):
        certificates({PIN_SETTING: pin}, source=NOWHERE, kept=tmp_path)


def test_the_file_that_others_pin_is_known(tmp_path, serve, monkeypatch):
    """AWS's file as public projects pin it is taken as it is."""
    monkeypatch.setattr(rds_ca, "SEEN", hashlib.sha256(NEW_REGION).hexdigest())
    assert certificates({}, region="mars-north-1", source=serve(NEW_REGION), kept=tmp_path).read_bytes() == NEW_REGION


def test_where_it_can_not_be_fetched_the_file_is_asked_for(tmp_path):
    """A build without a network, for a region that the release does not know, says which setting names the file."""
    with pytest.raises(ToolError, match="TRAPLINE_RDS_CA=/path"):
        certificates({}, region="mars-north-1", source=NOWHERE, kept=tmp_path)
