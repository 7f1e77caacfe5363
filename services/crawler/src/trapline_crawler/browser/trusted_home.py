"""A home folder for a browser that trusts authorities of a company's own."""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trapline_crawler.browser.errors import BrowserLaunchError
from trapline_crawler.browser.nss_database import FOLDER

WITHIN = 20.0
"""Seconds for making the database; it takes a fraction of one."""


async def trusting_environment(
    environment: Mapping[str, str], folder: Path, certificates: Sequence[bytes]
) -> dict[str, str]:
    """Return the browser's environment with a home in ``folder`` in which these authorities are trusted.

    Without any the environment is as it was: then the browser trusts what its user put into the own home's database.
    Raises ``BrowserLaunchError``: a page that needs the authority must not fail for another reason.
    """
    if not certificates:
        return dict(environment)
    home = folder / "home"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trapline_crawler.browser.nss_database", str(home / FOLDER),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    given = json.dumps([base64.b64encode(one).decode() for one in certificates]).encode()
    try:
        async with asyncio.timeout(WITHIN):
            _, said = await process.communicate(given)
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise BrowserLaunchError("own certificate authorities: making their database took too long") from error
        raise
    if process.returncode != 0:
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise BrowserLaunchError(f"own certificate authorities: {last}")
    return {**environment, "HOME": str(home)}
