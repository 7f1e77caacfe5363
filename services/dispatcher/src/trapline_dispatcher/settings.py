"""The dispatcher's settings, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.invocations import ASK_AGAIN_AFTER
from trapline_common.ledger.rescue import BELIEVED_AFTER, HEARTBEAT_TTL, PENDING_TTL
from trapline_common.ledger.retention import LONGEST, Retention
from trapline_common.ledger.runs import RESUME_OPENING_AFTER
from trapline_common.ledger.tick import TICK

UNEXPANDED_TICKS = "TRAPLINE_UNEXPANDED_TICKS"
DATABASE_MINUTE = "database-minute"
REFUSED = "refused"
WAVE_MACHINE = "TRAPLINE_WAVE_MACHINE"
WAVES = "TRAPLINE_WAVES"
AT_MOST = "TRAPLINE_LANES_AT_MOST"
MOST = 100_000
"""Executions at once that no account has."""
BACKSTOP_DAYS = "TRAPLINE_ARTIFACT_BACKSTOP_DAYS"
SHORTEST_BACKSTOP = 28
"""Days; half of it, at which artifacts are put again, leaves a fortnight in which the tick may be away."""

LONGEST_PAUSE = 50.0
"""Seconds after a false start: less than a minute, so that the next minute's tick is never refused."""


TELL_AFTER = 1.0
"""Seconds from an end to a tick that tells it: a minute and a second after it, whoever waits has heard of it."""

EXPAND_WITHIN = 240.0
"""Seconds for all sitemap files of one run, below the 300 s that Lambda gives the dispatcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long the dispatcher waits before it steps in; all in seconds. The one-machine runtime sets its own."""

    ask_again_after: float = ASK_AGAIN_AFTER
    """After an Invoke without an answer, until the invocation is asked for again."""
    pending_ttl: float = PENDING_TTL
    """From the row of an invocation to its ``ready``; then it is orphaned."""
    heartbeat_ttl: float = HEARTBEAT_TTL
    """Without a heartbeat, until an invocation is orphaned."""
    believed_after: float = BELIEVED_AFTER
    """The same, until a report that it failed is believed."""
    resume_opening_after: float = RESUME_OPENING_AFTER
    """From one attempt at opening a run to the next."""
    give_up_opening_after: float = 3600.0
    """From a run's first attempt until it is refused because its sitemap still can't be fetched."""
    expand_within: float = EXPAND_WITHIN
    """For all sitemap files of one run together."""
    resume_within: float = 60.0
    """Of one minute tick, after which it resumes no further opening."""
    tell_after: float = TELL_AFTER
    """After an end, until the reap tick tells it: whoever ended it tells it first."""
    longest_pause: float = LONGEST_PAUSE
    """Of a lane whose crawlers die at their start, between two counts that ask."""
    retire_within: float = 10.0
    """The bounds of one tick's deletion of rows that were kept long enough."""
    sweep_within: float = 20.0
    """The bounds of one tick's walk through the bucket of artifacts; a page of it, once begun, is decided about."""
    finish_within: float = 15.0
    """The bounds of one tick's work on cancels and additions of pages that a dead process left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The dispatcher's environment on Lambda; Terraform sets it."""

    database_url: str
    """``DATABASE_URL``: where the ledger is; on RDS without a password."""
    config: str
    """``TRAPLINE_CONFIG``: the ``s3://`` URL or the file of ``crawls.yaml``."""
    artifacts: str
    """``TRAPLINE_ARTIFACTS``: the ``s3://`` URL below which artifacts are."""
    crawler_function: str
    """``TRAPLINE_CRAWLER_FUNCTION``: name or ARN of the function that is invoked."""
    notifier_function: str
    """``TRAPLINE_NOTIFIER_FUNCTION``: name or ARN of the function that is nudged."""
    unexpanded_ticks: bool = False
    """``TRAPLINE_UNEXPANDED_TICKS``: the scheduler delivers its time placeholder as it is (the local AWS does)."""
    runs: str | None = None
    """``TRAPLINE_RUNS``: where each ended run is archived, an ``s3://`` URL or a folder; ``None``: nowhere."""
    wave_machine: str | None = None
    """``TRAPLINE_WAVE_MACHINE``: ARN of the state machine that calls crawlers; ``None``: no lane asks for it."""
    waves: str | None = None
    """``TRAPLINE_WAVES``: the ``s3://`` URL below which the items of its executions are put; set beside it."""
    durable_function: str | None = None
    """``TRAPLINE_DURABLE_FUNCTION``: name or ARN, with its alias, of the durable crawler; ``None``: there is none."""
    answers: bool = False
    """``TRAPLINE_ANSWERS``: whether task tokens are answered; the function's role may then do so."""
    bus: str | None = None
    """``TRAPLINE_BUS``: the event bus on which ends of runs are announced; ``None``: nowhere."""
    at_most: int | None = None
    """``TRAPLINE_LANES_AT_MOST``: what every lane's cap is lowered to, where the account allows fewer executions than
    the lanes ask for; ``None``: the lanes' own caps."""
    tick: str | None = None
    """``TRAPLINE_TICK``: group and name, with a slash, of the schedule of the minute's tick, which sleeps while nothing
    is due; ``None``: it never sleeps."""
    tells_nothing_due: bool = False
    """``TRAPLINE_SIGNS_OF_LIFE``: whether an alarm waits for runs that succeed, so that a pause must be told."""
    retention: Retention | None = None
    """How long ended runs are kept; ``None``: for ever. Where runs are archived, one is deleted only after that."""

    backstop: timedelta | None = None
    """``TRAPLINE_ARTIFACT_BACKSTOP_DAYS``: the age at which the bucket's own rule deletes artifacts; ``None``: it has
    none, and nothing is deleted or put again there."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment. Raises ``InputRefusedError`` that names what is missing or wrong."""
        names = {
            "database_url": "DATABASE_URL",
            "config": "TRAPLINE_CONFIG",
            "artifacts": "TRAPLINE_ARTIFACTS",
            "crawler_function": "TRAPLINE_CRAWLER_FUNCTION",
            "notifier_function": "TRAPLINE_NOTIFIER_FUNCTION",
        }
        missing = [variable for variable in names.values() if not environ.get(variable)]
        if missing:
            raise InputRefusedError(f"environment: {', '.join(missing)} must be set")
        ticks = environ.get(UNEXPANDED_TICKS) or REFUSED
        if ticks not in {REFUSED, DATABASE_MINUTE}:
            raise InputRefusedError(
                f"environment: {UNEXPANDED_TICKS} is {ticks!r}; it is {REFUSED} or {DATABASE_MINUTE}"
            )
        machine, waves = (environ.get(name) or None for name in (WAVE_MACHINE, WAVES))
        if machine is not None and (waves is None or not waves.startswith("s3://")):
            raise InputRefusedError(f"environment: {WAVES} must be an s3:// URL beside {WAVE_MACHINE}")
        return cls(
            **{field: environ[variable] for field, variable in names.items()},
            unexpanded_ticks=ticks == DATABASE_MINUTE,
            runs=environ.get("TRAPLINE_RUNS") or None,
            wave_machine=machine,
            waves=waves,
            durable_function=environ.get("TRAPLINE_DURABLE_FUNCTION") or None,
            answers=bool(environ.get("TRAPLINE_ANSWERS")),
            bus=environ.get("TRAPLINE_BUS") or None,
            at_most=_at_most(environ),
            tick=environ.get(TICK) or None,
            tells_nothing_due=bool(environ.get("TRAPLINE_SIGNS_OF_LIFE")),
            retention=Retention.read(environ, archived_only=bool(environ.get("TRAPLINE_RUNS"))),
            backstop=_backstop(environ),
        )


def _at_most(environ: Mapping[str, str]) -> int | None:
    text = environ.get(AT_MOST)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise InputRefusedError(f"environment: {AT_MOST}: {text!r} is not a number from 1 to {MOST}")
    return int(text)


def _backstop(environ: Mapping[str, str]) -> timedelta | None:
    text = environ.get(BACKSTOP_DAYS)
    if not text:
        return None
    days = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(2 * LONGEST)) else 0
    if not SHORTEST_BACKSTOP <= days <= 2 * LONGEST:
        raise InputRefusedError(
            f"environment: {BACKSTOP_DAYS}: {text!r} is not a number of days from {SHORTEST_BACKSTOP} to {2 * LONGEST}"
        )
    if not environ["TRAPLINE_ARTIFACTS"].startswith("s3://"):
        raise InputRefusedError(f"environment: TRAPLINE_ARTIFACTS must be an s3:// URL beside {BACKSTOP_DAYS}")
    return timedelta(days=days)
