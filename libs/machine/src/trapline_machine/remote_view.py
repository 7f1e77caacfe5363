"""The web view of a deployment: its functions are asked with the caller's own credentials.

The reader, one call a screen; the operator function for what a form does.
"""

import asyncio
import http.client
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from trapline.remote.allowlist import ACTING
from trapline.remote.caller import Caller, connect
from trapline.remote.terminal import build_call
from trapline_common.domain.errors import TransientError
from trapline_web.ports import Outcome
from trapline_web.remote import Perform, signed_address

MOST_BYTES = 50_000_000
"""Of one picture; a full page of 16,384 pixels has a tenth of it."""
_SECONDS = 30.0
_OVER = frozenset({400, 403})
"""What S3 answers when an address, or the session that signed it, has expired."""


class AddressRefusedError(TransientError):
    """S3 refuses a signed address; another one may be taken."""


class Function:
    """Performs command lines in a deployment; a ``Perform`` of ``trapline_web.remote``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._identity: str | None = None

    @classmethod
    def connect(cls, environment: str, *, function: str, environ: Mapping[str, str], data_dir: Path) -> "Function":
        """Return the way to a function of a deployment.

        Raises ``InputRefusedError`` for a name that no deployment can have.
        """
        return cls(connect(environment, function=function, environ=environ, data_dir=data_dir))

    async def __call__(self, command: Sequence[str]) -> Outcome:
        """Have one command line performed. Raises ``CallFailedError``, in words that say what to do."""
        return await asyncio.to_thread(self._call, tuple(command))

    def _call(self, command: tuple[str, ...]) -> Outcome:
        acted_by = None
        if command[0] in ACTING:
            self._identity = acted_by = self._identity or self._caller.identity()
        answer = self._caller.call(build_call(command, acted_by=acted_by))
        return Outcome(exit=answer.exit, out=answer.stdout, err=answer.stderr)


class _NoRedirects(HTTPRedirectHandler):
    """Follows none: a signed address is of one host."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse."""


async def fetch_artifact(perform: Perform, key: str, *, authorities: str | None = None) -> bytes:
    """Return an artifact of a deployment by an address that its reader function signs, anew where S3 refuses the first.

    ``authorities`` as in ``fetch_signed``.

    Raises ``KeyError`` when the ledger does not name it, ``TransientError`` when it can't be had.
    """
    try:
        return await fetch_signed(await signed_address(perform, key), authorities=authorities)
    except AddressRefusedError:
        return await fetch_signed(await signed_address(perform, key), authorities=authorities)


async def fetch_signed(url: str, *, authorities: str | None = None) -> bytes:
    """Return what a signed address holds.

    Raises ``AddressRefusedError`` when S3 refuses it, ``TransientError`` when it can't be had or is too large.

    ``authorities``: file of the certificates that are trusted; ``None``: the system's.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise TransientError("the deployment signed no address of http")
    return await asyncio.to_thread(_fetch, url, authorities)


def _fetch(url: str, authorities: str | None) -> bytes:
    request = Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310  (its scheme was looked at)
    try:
        trust = HTTPSHandler(context=ssl.create_default_context(cafile=authorities))
        with build_opener(_NoRedirects, trust).open(request, timeout=_SECONDS) as answer:
            data: bytes = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        # the error's own words may hold the address, and the address is a key
        if isinstance(error, HTTPError) and error.code in _OVER:
            raise AddressRefusedError(
                f"S3 refuses the address that the reader function signed ({error.code}): it or its session has expired"
            ) from None
        raise TransientError(f"the artifact can't be fetched from S3 ({type(error).__name__})") from None
    if len(data) > MOST_BYTES:
        raise TransientError("the artifact is larger than any that a crawler keeps")
    return data
