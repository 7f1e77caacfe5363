"""The crawler's settings, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.rescue import HEARTBEAT_TTL, LONGEST_SILENCE
from trapline_crawler.browser.profiles import AUTO, FIXED, MACHINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The crawler's settings; ``read`` makes them, defaults filled in."""

    artifacts: str
    """A directory, or ``s3://bucket/prefix``; ``TRAPLINE_ARTIFACTS``."""
    nudges: str = "lambda"
    """``lambda``, or ``postgres`` on one machine; ``TRAPLINE_NUDGES``."""
    dispatcher: str = ""
    """Name of the dispatcher's function, for ``lambda`` nudges; ``TRAPLINE_DISPATCHER_FUNCTION``."""
    notifier: str = ""
    """Name of the notifier's function, for ``lambda`` nudges; ``TRAPLINE_NOTIFIER_FUNCTION``."""
    answers: bool = False
    """Whether somebody waits with task tokens, for invocations or runs; ``TRAPLINE_ANSWERS`` is 1."""
    bus: str | None = None
    """The EventBridge bus on which ends of runs are announced; ``None`` announces none; ``TRAPLINE_BUS``."""
    data_dir: Path | None = None
    """Folder with one machine's secrets; ``None`` on AWS, where Secrets Manager has them; ``TRAPLINE_DATA_DIR``."""
    secrets_prefix: str = "trapline/"
    """Prefix of the secrets' names in Secrets Manager; ``TRAPLINE_SECRETS_PREFIX``."""
    browser: str | None = None
    """The browser's executable; ``None`` looks for one; ``TRAPLINE_BROWSER``."""
    browser_profile: str = MACHINE.name
    """A name of ``browser.profiles.FIXED``, or ``auto``; ``TRAPLINE_BROWSER_PROFILE``."""
    heartbeat: float = 5.0
    """Seconds between heartbeats; ``TRAPLINE_HEARTBEAT``."""
    silence: float = LONGEST_SILENCE
    """Seconds without the ledger after which an invocation ends by itself: two thirds of the heartbeats' time to live,
    ``TRAPLINE_HEARTBEAT_TTL``, and no more than those of its default."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment. Raises ``InputRefusedError`` that names what is missing or wrong."""
        missing = [name for name in ("DATABASE_URL", "TRAPLINE_ARTIFACTS") if not environ.get(name)]
        nudges = environ.get("TRAPLINE_NUDGES", "lambda")
        if nudges == "lambda":
            functions = ("TRAPLINE_DISPATCHER_FUNCTION", "TRAPLINE_NOTIFIER_FUNCTION")
            missing += [name for name in functions if not environ.get(name)]
        if missing:
            raise InputRefusedError(f"environment: {', '.join(missing)} must be set")
        if nudges not in {"lambda", "postgres"}:
            raise InputRefusedError(f"environment: TRAPLINE_NUDGES is {nudges!r}; it is lambda or postgres")
        answers = environ.get("TRAPLINE_ANSWERS") or "0"
        if answers not in {"0", "1"}:
            raise InputRefusedError(f"environment: TRAPLINE_ANSWERS is {answers!r}; it is 1 or 0")
        profile = environ.get("TRAPLINE_BROWSER_PROFILE") or MACHINE.name
        if profile != AUTO and profile not in FIXED:
            known = ", ".join([AUTO, *FIXED])
            raise InputRefusedError(f"environment: TRAPLINE_BROWSER_PROFILE is {profile!r}; it is one of {known}")
        heartbeat = environ.get("TRAPLINE_HEARTBEAT", "5")
        try:
            seconds = float(heartbeat)
        except ValueError as error:
            raise InputRefusedError(f"environment: TRAPLINE_HEARTBEAT is {heartbeat!r}, not seconds") from error
        if not 0 < seconds <= HEARTBEAT_TTL / 3:
            most = f"{HEARTBEAT_TTL / 3:g}"
            raise InputRefusedError(
                f"environment: TRAPLINE_HEARTBEAT is {heartbeat}; it is more than 0, at most {most} s"
            )
        silence = _silence(environ.get("TRAPLINE_HEARTBEAT_TTL"))
        if silence <= seconds:
            raise InputRefusedError(
                f"environment: TRAPLINE_HEARTBEAT is {heartbeat}; with this TRAPLINE_HEARTBEAT_TTL it is less than "
                f"{silence:g} s"
            )
        folder = environ.get("TRAPLINE_DATA_DIR")
        return cls(
            artifacts=environ["TRAPLINE_ARTIFACTS"],
            nudges=nudges,
            dispatcher=environ.get("TRAPLINE_DISPATCHER_FUNCTION", ""),
            notifier=environ.get("TRAPLINE_NOTIFIER_FUNCTION", ""),
            answers=answers == "1",
            bus=environ.get("TRAPLINE_BUS") or None,
            data_dir=Path(folder) if folder else None,
            secrets_prefix=environ.get("TRAPLINE_SECRETS_PREFIX", "trapline/"),
            browser=environ.get("TRAPLINE_BROWSER") or None,
            browser_profile=profile,
            heartbeat=seconds,
            silence=silence,
        )


def _silence(time_to_live: str | None) -> float:
    """Return two thirds of the time to live; a longer one than the default is the reaper's, and changes nothing."""
    if not time_to_live:
        return LONGEST_SILENCE
    try:
        seconds = float(time_to_live)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputRefusedError(f"environment: TRAPLINE_HEARTBEAT_TTL: {time_to_live!r} is not a number of seconds")
    return min(LONGEST_SILENCE, seconds * LONGEST_SILENCE / HEARTBEAT_TTL)
