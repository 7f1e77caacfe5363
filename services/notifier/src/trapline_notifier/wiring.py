"""The only module that makes adapters.

What AWS needs is imported where it is used: one machine needs none of it, and it takes a quarter of a second to load.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TextIO

from trapline_common.aws.ledger_login import ledger
from trapline_common.domain.ports import Outbox, SecretSource
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.local.channels import FILE_NAME, parse_channels, read_channels
from trapline_common.platform.logging import configure
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Publisher
from trapline_notifier.publishers.channels import Channels
from trapline_notifier.publishers.console import ConsolePublisher, LogOperations
from trapline_notifier.publishers.fan_out import ChannelsPublisher, FanOut
from trapline_notifier.services import RelayServices, Services
from trapline_notifier.settings import notifier_settings, relay_settings


@cache
def services() -> Services:
    """Return the drain's parts on AWS, made once per environment: clients stay warm, connections don't."""
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
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

    return Services(
        outbox=outbox,
        publisher=SnsPublisher(SnsTopic(sns, settings.topic_arn)),
        operations=SnsOperations(SnsTopic(sns, settings.operations_topic_arn)),
        pacer=Pacer(sleep=asyncio.sleep),
        clock=time.monotonic,
    )


@cache
def relay_services() -> RelayServices:
    """Return the relay's parts on AWS, made once per environment."""
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.secrets import ManagedSecrets

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
    addresses = await read_channels(data_dir / FILE_NAME, secrets)
    return {
        name: ChannelsPublisher(Channels({name: address}), sleep=asyncio.sleep) for name, address in addresses.items()
    }


async def local_services(
    dsn: str, *, data_dir: Path, secrets: SecretSource, stream: TextIO | None = None, also: Sequence[Publisher] = ()
) -> Services:
    """Return the drain's parts on one machine: the terminal, the channels file if there is one, and ``also``.

    A terminal takes messages at any speed, so without channels there is no pace. Raises ``InputRefusedError`` when the
    channels file can't be used.
    """
    publishers: list[Publisher] = [ConsolePublisher(stream if stream is not None else sys.stdout), *also]
    channels = Channels(await read_channels(data_dir / FILE_NAME, secrets))
    if channels.names:
        publishers.append(ChannelsPublisher(channels, sleep=asyncio.sleep))

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Outbox]:
        async with await Database.connect(dsn, application="trapline-notifier") as database:
            yield PostgresOutbox(database)

    return Services(
        outbox=outbox,
        publisher=FanOut(publishers),
        operations=LogOperations(),
        pacer=Pacer(sleep=asyncio.sleep, interval=1.0 if channels.names else 0.0),
        clock=time.monotonic,
    )
