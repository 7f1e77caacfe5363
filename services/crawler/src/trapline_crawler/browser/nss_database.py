"""Makes the database of certificates that Chromium reads on Linux, with NSS itself, which Chromium comes with.

Run as a program, for NSS is one for a process: ``python -m trapline_crawler.browser.nss_database FOLDER`` takes JSON
from its input, a list of certificates in base64. Chromium has no switch for an authority of one's own, and its list of
keys to accept (``--ignore-certificate-errors-spki-list``) would accept any chain that shows such a key, signed or not.
"""

import base64
import ctypes
import json
import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Any

FOLDER = Path(".pki/nssdb")
"""Where Chromium looks, below its home folder."""
_TRUSTED = b"C,,"
"""NSS's word for an authority that may sign servers' certificates, and nothing else."""


class NssError(Exception):
    """NSS refused one call; the text names it."""


class _Item(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("data", ctypes.c_char_p), ("length", ctypes.c_uint))


class _Trust(ctypes.Structure):
    _fields_ = (("servers", ctypes.c_uint), ("mail", ctypes.c_uint), ("code", ctypes.c_uint))


def make_database(folder: Path, certificates: list[bytes]) -> None:
    """Make the database in a new folder, without a password. Raises ``NssError`` and ``OSError``."""
    nss = _library()
    folder.mkdir(parents=True)
    _must(nss.NSS_InitReadWrite(f"sql:{folder}".encode()), "NSS_InitReadWrite")
    slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
    if nss.PK11_NeedUserInit(slot):
        _must(nss.PK11_InitPin(slot, None, b""), "PK11_InitPin")
    for number, certificate in enumerate(certificates):
        _add(nss, slot, certificate, f"own-{number}".encode())
    nss.NSS_Shutdown()  # it may say that something is in use; all is written


def _add(nss: Any, slot: ctypes.c_void_p, certificate: bytes, name: bytes) -> None:
    item = _Item(0, certificate, len(certificate))
    known = ctypes.c_void_p(nss.CERT_GetDefaultCertDB())
    made = ctypes.c_void_p(nss.CERT_NewTempCertificate(known, ctypes.byref(item), None, 0, 1))
    _must(0 if made.value else -1, "CERT_NewTempCertificate")
    _must(nss.PK11_ImportCert(slot, made, ctypes.c_ulong(0), name, 0), "PK11_ImportCert")
    trust = _Trust()
    _must(nss.CERT_DecodeTrustString(ctypes.byref(trust), _TRUSTED), "CERT_DecodeTrustString")
    _must(nss.CERT_ChangeCertTrust(known, made, ctypes.byref(trust)), "CERT_ChangeCertTrust")


def _library() -> Any:
    try:
        nss = ctypes.CDLL(find_library("nss3") or "libnss3.so")
    except OSError as error:
        raise NssError(f"no libnss3, with which the browser checks certificates: {error}") from error
    for name in ("PK11_GetInternalKeySlot", "CERT_GetDefaultCertDB", "CERT_NewTempCertificate"):
        getattr(nss, name).restype = ctypes.c_void_p
    return nss


def _must(status: int, call: str) -> None:
    if status != 0:
        raise NssError(f"{call} failed")


def main() -> int:
    """Make the database in the folder that is the argument; 1, with one line, when that fails."""
    try:
        make_database(Path(sys.argv[1]), [base64.b64decode(one) for one in json.load(sys.stdin)])
    except (NssError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
