"""One invocation of the crawler as a process: ``python -m trapline_machine.crawler_process``.

Its standard input first brings the invocation, one line of JSON that ``processes.py`` writes, and is its life line from
then on: its end means that the command is gone. Then, as on SIGTERM, the crawler stops in order: it hands back its
tasks and closes its browser. Before it has its invocation it has nothing to hand back, and ends at once.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from trapline_common.domain.errors import TransientError, TraplineError
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_common.platform.leaving import leave
from trapline_common.platform.loading import loading
from trapline_common.platform.logging import configure, get_logger
from trapline_common.platform.process_alarm import ProcessAlarm

if TYPE_CHECKING:
    from trapline_crawler.browser.driver_ahead import DriverAhead

STOP_WITHIN = 60
"""Seconds that an ordered stop may take. Then the kernel ends the process, and its browser's guardian the browser."""

_log = get_logger("runtime")


def main() -> int:
    """Work on the invocation; 0 when the crawler's handler returned, 1 when it raised. The log is on standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to deal with
    configure(service="crawler", console=False)
    try:
        asyncio.run(_run())
    except TraplineError as error:
        _log.error("invocation_failed", error=f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  (see below)
        # The command reads the last error from this log, as one line; the traceback stays in the log.
        _log.exception("invocation_failed", error=f"{type(error).__name__}: {error}")
    else:
        return 0
    return 1


async def _run() -> None:
    stop, alarm = asyncio.Event(), ProcessAlarm()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        if not stop.is_set():
            alarm.end_within(STOP_WITHIN)
            stop.set()

    loop.add_signal_handler(signal.SIGTERM, ask_to_stop)
    reader = asyncio.StreamReader(limit=2**24)  # an environment may be large
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # Late: the imports take half a second, and a process that is asked to stop meanwhile must take notice.
    with loading():
        from trapline_crawler.browser.driver_ahead import DriverAhead

    ahead = DriverAhead()
    ahead.begin()
    try:
        with loading():
            crawler = await asyncio.to_thread(_crawler)  # beside the driver's start, which takes as long
        job = await _job(reader, stop)
        life_line = asyncio.create_task(_parent_gone(reader))
        life_line.add_done_callback(lambda _: ask_to_stop())
        try:
            await crawler(job, alarm, ahead, stop)
        finally:
            life_line.cancel()  # which starts the alarm too: only the end is left
    finally:
        await ahead.close()
        transport.close()


def _crawler() -> Callable[[Mapping[str, Any], ProcessAlarm, "DriverAhead", asyncio.Event], Awaitable[None]]:
    """Load the crawler, and return what works on one invocation."""
    from trapline_crawler.handler import handle
    from trapline_crawler.wiring import from_env

    async def work(job: Mapping[str, Any], alarm: ProcessAlarm, ahead: "DriverAhead", stop: asyncio.Event) -> None:
        context = LocalContext(aws_request_id=job["request_id"], deadline=Deadline.after(job["seconds"]))
        services = from_env(os.environ, alarm=alarm, ahead=ahead)
        _log.info("invocation_ended", result=(await handle(job["event"], context, services, stop=stop)).body())

    return work


async def _job(reader: asyncio.StreamReader, stop: asyncio.Event) -> Mapping[str, Any]:
    """Return the invocation, in whose log and environment this process is from then on.

    Raises ``TransientError`` when there is none to come: what ends then has recorded nothing in the ledger.
    """
    reading, stopped = asyncio.create_task(reader.readline()), asyncio.create_task(stop.wait())
    await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not reading.done() or not reading.result():
        reading.cancel()
        raise TransientError("it was asked to stop before it had its invocation")
    job: Mapping[str, Any] = json.loads(reading.result())
    log = os.open(job["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    os.environ.update(job["environ"])
    return job


async def _parent_gone(reader: asyncio.StreamReader) -> None:
    """Return when standard input ends."""
    while await reader.read(1024):
        pass


if __name__ == "__main__":
    leave(main())
