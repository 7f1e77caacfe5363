"""Performs one command in the operator function, as if it had been typed there."""

import io
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.resources import files

from trapline.access.command_line import ExportPage
from trapline.execute import execute
from trapline.exit_codes import ExitCode
from trapline.operator import release_before
from trapline.operator.capture import Captured
from trapline.remote.allowlist import ALLOWED, refusal
from trapline.remote.protocol import MAX_ANSWER, MAX_ERRORS, TOO_LARGE, Call, PageEnd, Performed
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.messages import UNNAMED

_WITHOUT_LEDGER = frozenset({"config", "run"})


def perform(call: Call, *, address: Callable[[], str], performed: Collection[str] = ALLOWED) -> Performed:
    """Perform the command of this release's caller, or of the one before; see ``_perform``."""
    if not release_before.asks_by_options(call):
        return _perform(call, address=address, performed=performed)
    try:
        return release_before.answered(_perform(release_before.translated(call), address=address, performed=performed))
    except MessageRefusedError as error:
        return Performed(exit=ExitCode.REFUSED, stderr=f"{error}\n")


def _perform(call: Call, *, address: Callable[[], str], performed: Collection[str]) -> Performed:
    """Run the command and return what it printed, and its exit code as in a shell. ``address``: of the ledger, now.

    What is not among ``performed`` is refused. The address may hold a token, so it is an argument inside this process
    and no environment variable. A bug's exception is raised: the function fails, and its log has the traceback.
    """
    refused = refusal(call.command, performed=performed)
    if refused is not None:
        return Performed(exit=ExitCode.REFUSED, stderr=f"{refused}\n")
    name, *rest = call.command
    out = Captured(terminal=call.terminal is not None, limit=MAX_ANSWER)
    err = Captured(terminal=False, limit=MAX_ERRORS)
    page = None if call.page is None else ExportPage(after=call.page.after, at_most=call.page.at_most)
    with _as_the_caller(call), redirect_stdout(out), redirect_stderr(err):
        login = [] if name in _WITHOUT_LEDGER else ["--database-url", address()]
        # A caller of the release before names nobody
        code = execute([name, *login, *rest], page=page, acted_by=call.acted_by or UNNAMED)
    if out.overflowed:
        return Performed(exit=ExitCode.REFUSED, stderr=f"trapline: {TOO_LARGE}\n")
    end = None if page is None else PageEnd(last=page.last, more=page.more)
    return Performed(exit=code, stdout=out.getvalue(), stderr=err.getvalue(), page=end)


@contextmanager
def _as_the_caller(call: Call) -> Iterator[None]:
    """Let the command see the caller's standard input, terminal and time zone, and nothing of them afterwards.

    An environment of Lambda performs one call at a time, so the process's own settings may be set for it.
    """
    before = {name: os.environ.get(name) for name in _SETTINGS}
    stdin = sys.stdin
    try:
        _set({**dict.fromkeys(_SETTINGS), **_settings(call)})
        sys.stdin = io.StringIO(call.stdin)
        yield
    finally:
        sys.stdin = stdin
        _set(before)


_SETTINGS = ("COLUMNS", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TERM", "TZ", "TZDIR")


def _settings(call: Call) -> Mapping[str, str]:
    # Lambda's image has no zones of its own; those of the tzdata package are read by the C library as well
    found = {"TZ": call.zone or "UTC", "TZDIR": str(files("tzdata").joinpath("zoneinfo"))}
    if call.terminal is not None:
        found["TERM"] = "xterm-256color" if call.terminal.colour == "256" else "xterm"
        if call.terminal.width is not None:
            found["COLUMNS"] = str(call.terminal.width)
        if call.terminal.colour is None:
            found["NO_COLOR"] = "1"
        elif call.terminal.colour == "truecolor":
            found["COLORTERM"] = "truecolor"
    return found


def _set(settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    time.tzset()
