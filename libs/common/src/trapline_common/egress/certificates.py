"""Certificate authorities of a company's own, whose servers are trusted beside those of the public ones."""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpcore

from trapline_common.domain.errors import InputRefusedError

CA_CERTIFICATES = "TRAPLINE_CA_CERTIFICATES"
"""The environment variable: names of PEM files, or, as on AWS, which has no file for it, the PEM text itself."""

_BEGIN = "-----BEGIN "
_ONE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates_from_env(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the authorities' certificates, each as DER. Raises ``InputRefusedError`` that names what is wrong."""
    text = environ.get(CA_CERTIFICATES, "").strip()
    if not text:
        return ()
    if text.startswith(_BEGIN):
        return _read(text, f"environment: {CA_CERTIFICATES}")
    return tuple(one for name in text.split(os.pathsep) if name for one in _of_file(Path(name)))


def trusting(certificates: Sequence[bytes]) -> ssl.SSLContext | None:
    """Return what checks servers against the public authorities and these; ``None``: against the public ones."""
    if not certificates:
        return None
    context = httpcore.default_ssl_context()
    context.load_verify_locations(cadata=b"".join(certificates))
    return context


def _of_file(path: Path) -> tuple[bytes, ...]:
    where = f"environment: {CA_CERTIFICATES}: {path}"
    try:
        return _read(path.read_text(encoding="ascii", errors="replace"), where)
    except OSError as error:
        raise InputRefusedError(f"{where}: {error.strerror or error}") from error


def _read(text: str, where: str) -> tuple[bytes, ...]:
    if "PRIVATE KEY-----" in text:
        raise InputRefusedError(f"{where}: it holds a private key; name a file of certificates alone")
    found = tuple(_der(one, where) for one in _ONE.findall(text))
    if not found:
        raise InputRefusedError(f"{where}: no certificate in it; one begins with -----BEGIN CERTIFICATE-----")
    return found


def _der(text: str, where: str) -> bytes:
    try:
        found = ssl.PEM_cert_to_DER_cert(text)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ValueError, ssl.SSLError) as error:
        raise InputRefusedError(f"{where}: a certificate in it can't be read: {error}") from error
    return found
