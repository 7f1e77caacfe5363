"""The only module of the crawler that constructs adapters, from the environment.

What AWS needs is imported where AWS is used: on one machine each crawler process would load it for nothing (0.25 s).
"""

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from trapline_common.aws.ledger_login import ledger
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import ArtifactStore, Nudger, SecretSource
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.nudges import PostgresNudger
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.logging import configure
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.profile_selection import Selection
from trapline_crawler.browser.profiles import CANDIDATES, FIXED, Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.owned import OwnedVisitor
from trapline_crawler.politeness.robots_txt import LARGEST, ROBOT
from trapline_crawler.ports import Visitor
from trapline_crawler.proxy.browser_proxies import Doors
from trapline_crawler.services import Pace, Services
from trapline_crawler.sessions.local_key import local_session_key
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.settings import Settings
from trapline_crawler.visitors.browser_per_context import OneRoomVisitor
from trapline_crawler.visitors.by_profile import ChoosingVisitor


@cache
def services() -> Services:
    """Return the crawler's services on Lambda, made once per environment: clients stay warm, browsers don't."""
    return from_env()


def from_env(environ: Mapping[str, str] = os.environ) -> Services:
    """Build what one invocation works with. Raises ``InputRefusedError`` and ``BrowserMissingError``."""
    configure(service="crawler")
    settings = Settings.read(environ)
    choice = find_browser(settings.browser, environ=environ)
    artifacts = _artifacts(settings)
    secrets = _secrets(settings, environ)

    gate = gate_from_env(environ)
    connect = ledger(environ, application="trapline-crawler")

    def nudger() -> Nudger:
        if settings.nudges == "postgres":
            return PostgresNudger(connect)
        import boto3

        from trapline_common.aws.calls import CLIENT_CONFIG
        from trapline_common.aws.lambda_client import LambdaNudger

        functions = {"dispatcher": settings.dispatcher, "notifier": settings.notifier}
        return LambdaNudger(boto3.client("lambda", config=CLIENT_CONFIG), functions=functions)

    def new_browser(profile: Profile) -> Browser:
        # Root may not use Chromium's sandbox; everybody else gets it, where it works.
        return Browser(
            choice, no_sandbox=os.geteuid() == 0, environ=environ, doors=lambda: Doors(gate), profile=profile
        )

    def new_visitor(profile: Profile, browser: Browser) -> Visitor:
        if profile.many_contexts:
            return OwnedVisitor(browser, artifacts=artifacts, secrets=secrets)
        return OneRoomVisitor(lambda: OwnedVisitor(new_browser(profile), artifacts=artifacts, secrets=secrets))

    selection = Selection(CANDIDATES, new_browser)

    def visitor() -> Visitor:
        fixed = FIXED.get(settings.browser_profile)
        return ChoosingVisitor(selection, new_visitor) if fixed is None else new_visitor(fixed, new_browser(fixed))

    return Services(
        connect=connect,
        visitor=visitor,
        artifacts=artifacts,
        nudger=nudger(),
        secrets=secrets,
        fetch=HttpFetch(gate=gate, max_bytes=LARGEST, cut=True, timeout=10.0, user_agent=ROBOT),
        seal=Seal(_session_key(settings, environ)),
        host=environ.get("TRAPLINE_PLACE") or environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or platform.node(),
        pace=Pace(heartbeat=settings.heartbeat),
    )


def _artifacts(settings: Settings) -> ArtifactStore:
    if settings.artifacts.startswith("s3://"):
        import boto3

        from trapline_common.aws.artifacts import S3Artifacts
        from trapline_common.aws.calls import CLIENT_CONFIG

        return S3Artifacts(boto3.client("s3", config=CLIENT_CONFIG), settings.artifacts)
    return DirectoryArtifacts(Path(settings.artifacts))


def _secrets(settings: Settings, environ: Mapping[str, str]) -> SecretSource:
    if settings.data_dir is None:
        import boto3

        from trapline_common.aws.calls import CLIENT_CONFIG
        from trapline_common.aws.secrets import ManagedSecrets

        client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
        return ManagedSecrets(client, prefix=settings.secrets_prefix)
    return LocalSecrets(environ, settings.data_dir / "secrets")


def _session_key(settings: Settings, environ: Mapping[str, str]) -> bytes:
    if settings.data_dir is not None:
        return local_session_key(settings.data_dir)
    secret = environ.get("TRAPLINE_SESSION_KEY_SECRET")
    if not secret:
        raise InputRefusedError(
            "environment: TRAPLINE_SESSION_KEY_SECRET must name the secret that holds the session key"
        )
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG

    client = boto3.client("secretsmanager", config=CLIENT_CONFIG)
    return client.get_secret_value(SecretId=secret)["SecretString"].encode()
