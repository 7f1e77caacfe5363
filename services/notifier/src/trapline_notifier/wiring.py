"""The only module that makes adapters.

What AWS needs is imported where it is used: one machine needs none of it, and it takes a quarter of a second to load.
So is Apprise, which takes longer: the drain on AWS never needs it, and one machine only with a channels file.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from trapline_common.aws.ledger_login import ledger
from trapline_common.domain.errors import TransientError
from trapline_common.domain.ports import Outbox, SecretSource
from trapline_common.domain.web_view import WebView
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.local.channels import FILE_NAME, parse_channels, read_channels
from trapline_common.platform.logging import configure, get_logger
from trapline_notifier.message import NOWHERE
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel, Publisher
from trapline_notifier.publishers.console import ConsolePublisher, LogOperations
from trapline_notifier.publishers.relayed import WITHIN, Ask, RelayedPublisher, relayed_channels
from trapline_notifier.services import TERMINAL, TOPIC, RelayServices, Services
from trapline_notifier.settings import notifier_settings, relay_settings

_log = get_logger("notifier")


@cache
def services() -> Services:
    """Return the drain's parts on AWS, made once per environment: clients stay warm, connections don't."""
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.lambda_client import ask as ask_function
    from trapline_common.aws.lambda_client import waiting_config
    from trapline_common.aws.sns import SnsTopic
    from trapline_notifier.publishers.sns import SnsOperations, SnsPublisher

    settings = notifier_settings(os.environ)
    configure(service="notifier", level=settings.log_level)
    sns = boto3.client("sns", config=CLIENT_CONFIG)
    connect = ledger(os.environ, application="trapline-notifier")

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Outbox]:
        async with await connect() as database:
            yield PostgresOutbox(database)

    relay = boto3.client("lambda", config=waiting_config(WITHIN)) if settings.relay_function else None

    async def ask(message: Mapping[str, Any]) -> Mapping[str, Any]:
        assert relay is not None, "only a relay's channel asks it"
        return await ask_function(relay, settings.relay_function, message)

    async def channels(known: Sequence[str]) -> Sequence[Channel]:
        chats = await _relayed(ask, known) if relay is not None else ()
        topic = SnsPublisher(SnsTopic(sns, settings.topic_arn), served=[chat.name for chat in chats])
        return Channel(name=TOPIC, publisher=topic, everything=True), *chats

    return Services(
        outbox=outbox,
        channels=channels,
        operations=SnsOperations(SnsTopic(sns, settings.operations_topic_arn)),
        pacer=Pacer(sleep=asyncio.sleep),
        clock=time.monotonic,
        web=settings.web,
    )


async def _relayed(ask: Ask, known: Sequence[str]) -> tuple[Channel, ...]:
    """Return the relay's channels; while it can't be asked, those that the ledger knows, so that none is dropped."""
    try:
        names = await relayed_channels(ask)
    except TransientError as error:
        _log.error("relay_unknown", reason=str(error))
        names = tuple(name for name in known if name != TOPIC)
    return tuple(Channel(name=name, publisher=RelayedPublisher(ask, name)) for name in names)


@cache
def relay_services() -> RelayServices:
    """Return the relay's parts on AWS, made once per environment."""
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.secrets import ManagedSecrets
    from trapline_notifier.publishers.channels import Channels

    settings = relay_settings(os.environ)
    configure(service="relay", level=settings.log_level)
    client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
    plain, prefixed = ManagedSecrets(client), ManagedSecrets(client, prefix=settings.secret_prefix)

    async def channels() -> Channels:
        text = await plain.resolve(settings.channels_secret)
        where = f"secret {settings.channels_secret}"
        return Channels(await parse_channels(text, where=where, secrets=prefixed))

    return RelayServices(channels=channels)


async def local_publishers(data_dir: Path, secrets: SecretSource) -> dict[str, Publisher]:
    """Return one publisher for each channel of ``<data_dir>/channels.yaml``, by name, for the test alert.

    Raises ``InputRefusedError`` when the file can't be used.
    """
    return _chats(await read_channels(data_dir / FILE_NAME, secrets))


def _chats(addresses: Mapping[str, str]) -> dict[str, Publisher]:
    """Return one publisher for each address. Raises ``InputRefusedError`` for those that Apprise does not know."""
    if not addresses:
        return {}
    from trapline_notifier.publishers.channels import Channels
    from trapline_notifier.publishers.chat import ChatPublisher

    chats = Channels(addresses)
    return {name: ChatPublisher(chats, name, sleep=asyncio.sleep) for name in chats.names}


async def local_services(
    dsn: str, *, data_dir: Path, secrets: SecretSource, stream: TextIO | None = None, web: WebView = NOWHERE
) -> Services:
    """Return the drain's parts on one machine: the terminal, and the channels file if there is one.

    ``web``: where messages link to. A terminal takes messages at any speed. Raises ``InputRefusedError`` when the
    channels file can't be used.
    """
    chats = _chats(await read_channels(data_dir / FILE_NAME, secrets))
    terminal = ConsolePublisher(stream if stream is not None else sys.stdout)
    found = (
        Channel(name=TERMINAL, publisher=terminal, everything=True, paced=False),
        *(Channel(name=name, publisher=publisher) for name, publisher in chats.items()),
    )

    async def channels(_known: Sequence[str]) -> Sequence[Channel]:
        return found

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Outbox]:
        async with await Database.connect(dsn, application="trapline-notifier") as database:
            yield PostgresOutbox(database)

    return Services(
        outbox=outbox,
        channels=channels,
        operations=LogOperations(),
        pacer=Pacer(sleep=asyncio.sleep),
        clock=time.monotonic,
        closed=True,
        web=web,
    )
