"""One drain of the alert outbox by a command that crawls nothing (``trapline alert --again``)."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from trapline.access.one_machine import Ledger
from trapline_common.domain.messages import Drain
from trapline_common.domain.web_view import WebView
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier.handler import handle
from trapline_notifier.wiring import local_services

_WITHIN = 120.0
"""Seconds for one drain: a channel that hangs takes 15 s of it, and 30 s before its end nothing more is begun."""


async def drain_here(ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path, quiet: bool) -> None:
    """Send what is due to the terminal and every channel of the data directory; ``quiet``: to standard error.

    Raises ``TransientError`` when something could not be sent for now, ``InputRefusedError`` for a channels file that
    can't be used. A channel that another process serves is left to it.
    """
    secrets = LocalSecrets(environ, data_dir / "secrets")
    stream = sys.stderr if quiet else sys.stdout
    web = WebView.read(environ)
    services = await local_services(ledger.dsn, data_dir=data_dir, secrets=secrets, stream=stream, web=web)
    deadline = Deadline.after(_WITHIN, clock=time.monotonic)
    await handle(Drain().event(), LocalContext(aws_request_id=str(uuid4()), deadline=deadline), services)
