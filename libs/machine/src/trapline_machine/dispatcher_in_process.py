"""The dispatcher in a command that starts no crawler: it writes the ledger, and a later process does the work."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from trapline.access.nudges import nudger
from trapline.access.one_machine import Ledger
from trapline.render.artifact_location import ARTIFACTS
from trapline_common.config.models import Config
from trapline_common.domain.answers import DispatcherAnswer
from trapline_common.domain.errors import TransientError
from trapline_common.domain.messages import Message
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_dispatcher.handler import handle
from trapline_dispatcher.services import Services

_SECONDS = 900.0
"""Seconds that Lambda gives the dispatcher at most."""


class NoCrawlers:
    """An ``Invoker`` that never starts anything. The lane's cap is 0 here, so only a lost invocation comes to it."""

    __slots__ = ()

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Leave it to the next tick, or to a ``trapline crawl``."""
        raise TransientError(f"invocation {message.get('invocation_id')}: this command starts no crawler")


async def dispatch(ledger: Ledger, message: Message, *, data_dir: Path) -> DispatcherAnswer:
    """Hand the dispatcher one message and return its answer, a refusal among them. Raises ``TransientError``."""

    async def connect() -> Database:
        return await Database.connect(ledger.dsn, application="trapline-dispatcher")

    async def no_config() -> Config:
        return Config(lanes={}, crawls={})

    services = Services(
        connect=connect,
        config=no_config,
        invoker=NoCrawlers(),
        nudger=nudger(ledger.dsn),
        fetch=HttpFetch(gate=gate_from_env({**os.environ, "DATABASE_URL": ledger.dsn})),
        secrets=LocalSecrets(os.environ, data_dir / "secrets"),
        location=DirectoryArtifacts(data_dir / ARTIFACTS).location,
        at_most=0,
    )
    context = LocalContext(aws_request_id=str(uuid4()), deadline=Deadline.after(_SECONDS))
    return await handle(message.event(), context, services)
