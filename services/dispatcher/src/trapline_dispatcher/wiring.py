"""The only module of the dispatcher that constructs adapters: for Lambda, from the environment.

The one-machine runtime imports the handler, and this module with it; boto3, which it does not need and which takes a
quarter of a second to load, is imported inside the functions that use it.
"""

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from trapline_common.aws.ledger_login import ledger
from trapline_common.config.load import load_config
from trapline_common.config.models import Config
from trapline_common.domain.ports import Announcer, Archive, TickSchedule, Waiters, Waves
from trapline_common.domain.stored_artifacts import Keeping
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.local.archive import DirectoryArchive
from trapline_common.platform.logging import configure
from trapline_dispatcher.services import Services
from trapline_dispatcher.settings import Settings


@cache
def services() -> Services:
    """Return the dispatcher's parts on Lambda, made once per environment: clients stay warm, connections don't."""
    return from_env()


def from_env(environ: Mapping[str, str] = os.environ) -> Services:
    """Build the dispatcher's services. Raises ``InputRefusedError`` that names what the environment lacks."""
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.config_file import read_config_object
    from trapline_common.aws.lambda_client import LambdaDurableInvoker, LambdaInvoker, LambdaNudger
    from trapline_common.aws.secrets import ManagedSecrets

    configure(service="dispatcher")
    settings = Settings.read(environ)
    client = boto3.client("lambda", config=CLIENT_CONFIG)

    async def config() -> Config:
        if settings.config.startswith("s3://"):
            return await read_config_object(boto3.client("s3", config=CLIENT_CONFIG), settings.config)
        return await asyncio.to_thread(load_config, Path(settings.config))

    return Services(
        connect=ledger(environ, application="trapline-dispatcher"),
        config=config,
        invoker=LambdaInvoker(client, function=settings.crawler_function),
        durable=LambdaDurableInvoker(client, function=settings.durable_function) if settings.durable_function else None,
        waves=_waves(settings),
        waiters=_waiters() if settings.answers else None,
        announcer=_announcer(settings.bus) if settings.bus else None,
        nudger=LambdaNudger(client, functions={"notifier": settings.notifier_function}),
        fetch=HttpFetch(gate=gate_from_env(environ)),
        secrets=ManagedSecrets(
            boto3.client("secretsmanager", config=CLIENT_CONFIG), prefix=environ.get("TRAPLINE_SECRETS_PREFIX", "")
        ),
        location=lambda key: f"{settings.artifacts.rstrip('/')}/{key}",
        at_most=settings.at_most,
        limits_by_config=True,
        tells_nothing_due=settings.tells_nothing_due,
        tick=None if settings.tick is None else _tick(settings.tick),
        unexpanded_ticks=settings.unexpanded_ticks,
        archive=None if settings.runs is None else _archive(settings.runs),
        retention=settings.retention,
        keeping=_keeping(settings),
    )


def _tick(path: str) -> TickSchedule:
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.tick_schedule import SchedulerTick

    return SchedulerTick(boto3.client("scheduler", config=CLIENT_CONFIG), path)


def _keeping(settings: Settings) -> Keeping | None:
    if settings.backstop is None:
        return None
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.stored_artifacts import S3StoredArtifacts

    store = S3StoredArtifacts(boto3.client("s3", config=CLIENT_CONFIG), settings.artifacts)
    return Keeping(store=store, backstop=settings.backstop)


def _waves(settings: Settings) -> Waves | None:
    if settings.wave_machine is None or settings.waves is None:
        return None
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.orchestration import StepFunctionsWaves

    return StepFunctionsWaves(
        boto3.client("s3", config=CLIENT_CONFIG),
        boto3.client("stepfunctions", config=CLIENT_CONFIG),
        machine=settings.wave_machine,
        url=settings.waves,
    )


def _waiters() -> Waiters:
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.durable_callbacks import CallbackWaiters
    from trapline_common.aws.orchestration import StepFunctionsWaiters

    tasks = StepFunctionsWaiters(boto3.client("stepfunctions", config=CLIENT_CONFIG))
    return CallbackWaiters(boto3.client("lambda", config=CLIENT_CONFIG), others=tasks)


def _announcer(bus: str) -> Announcer:
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG
    from trapline_common.aws.orchestration import EventBridgeAnnouncer

    return EventBridgeAnnouncer(boto3.client("events", config=CLIENT_CONFIG), bus=bus)


def _archive(runs: str) -> Archive:
    if not runs.startswith("s3://"):
        return DirectoryArchive(Path(runs))
    import boto3

    from trapline_common.aws.archive import S3Archive
    from trapline_common.aws.calls import CLIENT_CONFIG

    return S3Archive(boto3.client("s3", config=CLIENT_CONFIG), runs)
