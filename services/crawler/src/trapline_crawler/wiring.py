"""Constructs the crawler's adapters from the environment.

``aws_adapters`` is imported late, where a setting asks for AWS: boto3 costs each crawler process 0.25 s of processor
time, and on one machine no process calls AWS.
"""

import os
import platform
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from trapline_common.aws.ledger_login import Connect, ledger
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import Announcer, ArtifactStore, Nudger, SecretSource, Waiters
from trapline_common.egress.gate import Gate
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.nudges import PostgresNudger
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.logging import configure
from trapline_common.platform.process_alarm import Alarm, ProcessAlarm
from trapline_crawler.browser.check import check_profiles
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.profile_selection import ProfileSelection
from trapline_crawler.browser.profiles import CANDIDATES, FIXED, Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.kept_loop import KeptLoop
from trapline_crawler.politeness.robots_bytes import LARGEST
from trapline_crawler.politeness.robots_txt import ROBOT
from trapline_crawler.ports import Visitor
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.services import Pace, Services
from trapline_crawler.sessions.local_key import local_session_key
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.settings import Settings
from trapline_crawler.visit.kept_artifacts import BackingOffStore
from trapline_crawler.visit.visitor import BrowserVisitor
from trapline_crawler.visitors.browser_per_context import BrowserPerContextVisitor
from trapline_crawler.visitors.by_profile import ByProfileVisitor


@cache
def loop() -> KeptLoop:
    """Return the event loop of the function's environment: every call runs on it."""
    return KeptLoop()


@cache
def services() -> Services:
    """Return the crawler's services on Lambda, made once per environment: clients and driver stay, browsers don't."""
    return from_env(ahead=DriverAhead(loop().keep))


def from_env(
    environ: Mapping[str, str] = os.environ, *, alarm: Alarm | None = None, ahead: DriverAhead | None = None
) -> Services:
    """Build what one invocation works with. ``alarm`` and ``ahead``: the process's own, if it has them already.

    Raises ``InputRefusedError`` and ``BrowserMissingError``.
    """
    configure(service="crawler")
    settings = Settings.read(environ)
    artifacts, secrets = BackingOffStore(_artifacts(settings)), _secrets(settings, environ)
    gate = gate_from_env(environ)
    connect = ledger(environ, application="trapline-crawler")
    ahead = ahead or DriverAhead()
    new_browser = _new_browser(settings, environ, gate, ahead)
    return Services(
        connect=connect,
        visitor=_new_visitor(settings, new_browser, artifacts=artifacts, secrets=secrets),
        ahead=ahead,
        check=lambda: check_profiles(CANDIDATES, new_browser),
        artifacts=artifacts,
        nudger=_nudger(settings, connect),
        secrets=secrets,
        fetch=HttpFetch(gate=gate, max_bytes=LARGEST, cut=True, timeout=10.0, user_agent=ROBOT),
        seal=Seal(_session_key(settings, environ)),
        waiters=_waiters(settings),
        announcer=_announcer(settings),
        process_name=environ.get("TRAPLINE_PROCESS_NAME")
        or environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        or platform.node(),
        pace=Pace(heartbeat=settings.heartbeat, silence=settings.silence),
        alarm=ProcessAlarm() if alarm is None else alarm,
    )


def _new_browser(
    settings: Settings, environ: Mapping[str, str], gate: Gate, ahead: DriverAhead
) -> Callable[[Profile], Browser]:
    choice = find_browser(settings.browser, environ=environ)
    return lambda profile: Browser(
        choice, environ=environ, proxies=lambda: BrowserProxies(gate), profile=profile, ahead=ahead
    )


def _new_visitor(
    settings: Settings, new_browser: Callable[[Profile], Browser], *, artifacts: ArtifactStore, secrets: SecretSource
) -> Callable[[], Visitor]:
    """Return what makes the visitor of one invocation; the profile that the self-test finds is kept between them."""

    def visitor_of(profile: Profile, browser: Browser) -> Visitor:
        if profile.many_contexts:
            return BrowserVisitor(browser, artifacts=artifacts, secrets=secrets)
        return BrowserPerContextVisitor(
            lambda: BrowserVisitor(new_browser(profile), artifacts=artifacts, secrets=secrets)
        )

    fixed = FIXED.get(settings.browser_profile)
    if fixed is not None:
        return lambda: visitor_of(fixed, new_browser(fixed))
    selection = ProfileSelection(CANDIDATES, new_browser)
    return lambda: ByProfileVisitor(selection, visitor_of)


def _nudger(settings: Settings, connect: Connect) -> Nudger:
    if settings.nudges == "postgres":
        return PostgresNudger(connect)
    from trapline_crawler.aws_adapters import lambda_nudger

    return lambda_nudger(settings)


def _waiters(settings: Settings) -> Waiters | None:
    if not settings.answers:
        return None
    from trapline_crawler.aws_adapters import token_waiters

    return token_waiters()


def _announcer(settings: Settings) -> Announcer | None:
    if settings.bus is None:
        return None
    from trapline_crawler.aws_adapters import run_announcer

    return run_announcer(settings.bus)


def _artifacts(settings: Settings) -> ArtifactStore:
    if not settings.artifacts.startswith("s3://"):
        return DirectoryArtifacts(Path(settings.artifacts))
    from trapline_crawler.aws_adapters import s3_artifacts

    return s3_artifacts(settings)


def _secrets(settings: Settings, environ: Mapping[str, str]) -> SecretSource:
    if settings.data_dir is not None:
        return LocalSecrets(environ, settings.data_dir / "secrets")
    from trapline_crawler.aws_adapters import managed_secrets

    return managed_secrets(settings)


def _session_key(settings: Settings, environ: Mapping[str, str]) -> bytes:
    if settings.data_dir is not None:
        return local_session_key(settings.data_dir)
    parameter = environ.get("TRAPLINE_SESSION_KEY_PARAMETER")
    if not parameter:
        raise InputRefusedError(
            "environment: TRAPLINE_SESSION_KEY_PARAMETER must name the parameter that holds the session key"
        )
    from trapline_crawler.aws_adapters import managed_session_key

    return managed_session_key(parameter)
