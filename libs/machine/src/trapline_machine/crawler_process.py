"""One invocation of the crawler as a process: ``python -m trapline_machine.crawler_process EVENT REQUEST SECONDS``.

Its standard input is its life line: the command that started it writes nothing to it, and its end means that the
command is gone. Then, as on SIGTERM, the crawler stops in order: it hands back its tasks and closes its browser.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from trapline_common.domain.errors import TraplineError
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_common.platform.logging import configure, get_logger
from trapline_common.platform.process_alarm import ProcessAlarm
from trapline_machine.process_identity import process_name_of

STOP_WITHIN = 60
"""Seconds that an ordered stop may take. Then the kernel ends the process, and its browser's guardian the browser."""

_log = get_logger("runtime")


def main(arguments: Sequence[str]) -> int:
    """Run the event; 0 when the crawler's handler returned, 1 when it raised. The log is on standard error."""
    event, request_id, seconds = json.loads(arguments[0]), arguments[1], float(arguments[2])
    configure(service="crawler", console=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to deal with
    try:
        asyncio.run(_run(event, LocalContext(aws_request_id=request_id, deadline=Deadline.after(seconds))))
    except TraplineError as error:
        _log.error("invocation_failed", error=f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  (see below)
        # The command reads the last error from this log, as one line; the traceback stays in the log.
        _log.exception("invocation_failed", error=f"{type(error).__name__}: {error}")
    else:
        return 0
    return 1


async def _run(event: Mapping[str, Any], context: LocalContext) -> None:
    stop, alarm = asyncio.Event(), ProcessAlarm()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        if not stop.is_set():
            alarm.end_within(STOP_WITHIN)
            stop.set()

    loop.add_signal_handler(signal.SIGTERM, ask_to_stop)
    life_line = asyncio.create_task(_parent_gone())
    life_line.add_done_callback(lambda _: ask_to_stop())
    # Late: the imports take half a second, and a process that is asked to stop meanwhile must take notice.
    from trapline_crawler.handler import handle
    from trapline_crawler.wiring import from_env

    try:
        environ = {**os.environ, "TRAPLINE_PROCESS_NAME": process_name_of(os.getpid())}
        result = await handle(event, context, from_env(environ, alarm=alarm), stop=stop)
        _log.info("invocation_ended", result=result.body())
    finally:
        life_line.cancel()  # which starts the alarm too: only the end is left


async def _parent_gone() -> None:
    """Return when standard input ends."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while await reader.read(1024):
            pass
    finally:
        transport.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
