"""The certificates that sign RDS's own: no system's trust store has them, so image and zips carry them.

A SHA-256 that a person has set decides which ones: AWS changes the file now and then and publishes no hash of it, so
none is written down here. Nothing is built that could reach the database unverified.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tools.shell import ROOT, ToolError, say

CA_SETTING = "TRAPLINE_RDS_CA"
"""Path of the file; without it the file is fetched."""
PIN_SETTING = "TRAPLINE_RDS_CA_SHA256"
"""SHA-256 that the file must have, in hexadecimal."""
SOURCE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""Every commercial region's ("Using SSL/TLS to encrypt a connection to a DB instance or cluster", RDS)."""
KEPT = ROOT / "build/rds-ca"
MAX_BYTES = 4 * 1024 * 1024
"""The file has about 160 KB."""
TIMEOUT = 30.0
HELP = f"""the certificates of RDS are not known; no system's trust store has them. Set their SHA-256:
  {PIN_SETTING}=<64 hexadecimal digits>   of {SOURCE}
  {CA_SETTING}=/path/to/global-bundle.pem   where that can't be fetched from here
Get the file on a network that you trust, look at it (openssl storeutl -noout -text -certs), and take its sha256sum."""


def certificates(environ: Mapping[str, str], *, source: str = SOURCE, kept: Path = KEPT) -> Path:
    """Return the file, whose SHA-256 is the one that was set; fetched from ``source`` if no path was set, once.

    Raises ``ToolError`` that says what to set, or what the file's SHA-256 is if it is another.
    """
    pin = environ.get(PIN_SETTING, "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise ToolError(HELP)
    given = environ.get(CA_SETTING)
    path = Path(given) if given else kept / f"{pin}.pem"
    if given and not path.is_file():
        raise ToolError(f"{CA_SETTING}={given}: there is no such file")
    if not path.is_file():
        data = _fetch(source)
        _check(data, pin, of=source)
        kept.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(data)
        draft.replace(path)
    _check(path.read_bytes(), pin, of=str(path))
    say(f"certificates of RDS: SHA-256 {pin}")
    return path


def fingerprint(ca: Path | None) -> str | None:
    """Return the file's SHA-256, which a release records; ``None`` where there is none."""
    return None if ca is None else hashlib.sha256(ca.read_bytes()).hexdigest()


def _check(data: bytes, pin: str, *, of: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != pin:
        raise ToolError(
            f"{of} has SHA-256 {found}, and {PIN_SETTING} is {pin}. AWS may have changed it: look at what is new in it "
            "before you trust it"
        )


def _fetch(source: str) -> bytes:
    try:
        with urlopen(source, timeout=TIMEOUT) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (URLError, OSError) as error:
        raise ToolError(f"{source} can't be fetched ({error}); say {CA_SETTING}=/path/to/global-bundle.pem") from error
    if len(data) > MAX_BYTES:
        raise ToolError(f"{source} is larger than {MAX_BYTES:,} bytes: these are not the certificates")
    return data
