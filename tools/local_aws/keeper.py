"""Keeps the parts of the local AWS running: Postgres, MiniStack, the demo shop and the web hook; ends them in order.

One process in the background holds them all, so that ending it ends them: `python -m tools.local_aws.keeper FOLDER`.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import playwright

from tests.site.hook import WebHook
from tests.site.server import DemoSite
from tools.local_aws.processes import StartedProcess
from tools.local_aws.system import READY, System, answers
from tools.shell import ROOT, ToolError, main_guard, say
from tools.workspace.browser import SETTING, working_browser
from tools.workspace.environment import LOCAL_AWS
from trapline_common.domain.conninfo import read_conninfo
from trapline_machine.embedded_postgres import embedded_postgres

EXECUTIONS = 64
"""Functions at once: more than the demo round's lanes, their dispatchers and the notifiers of their ends ask for, which
all wait for the relay. MiniStack gives throttled events up at once."""
EMULATOR_ENDING = 3.0
"""Seconds MiniStack gets to end: it would wait for open connections, and what it holds is in memory only."""
POSTGRES_PORT = "5432"
"""What every client takes where an address names no port."""
CERTIFICATE = "tmp/ministack-tls/server.crt"
"""Where MiniStack puts the certificate that it makes for itself, below the folder."""


def without_password(dsn: str) -> str:
    """Return the embedded Postgres' DSN as Terraform takes it: it listens on a socket only, without a password."""
    found = read_conninfo(dsn)
    port = found.get("port", POSTGRES_PORT)
    behind = "" if port == POSTGRES_PORT else f"&port={port}"
    return f"postgresql://{found['user']}@/{found['dbname']}?host={quote(found['host'], safe='/')}{behind}"


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def emulator_environment(folder: Path, port: int) -> dict[str, str]:
    """Return what MiniStack runs with; its functions' workers inherit it."""
    browser = working_browser(os.environ)
    if browser is None:
        raise ToolError("no headless browser; `make setup` installs one")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRAPLINE_", "PYTHON"))}
    kept.pop("DATABASE_URL", None)
    return {
        **kept,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": "us-east-1",
        # Every call is allowed or denied by the roles' and the resources' policies, and those ask for TLS
        "AUTH": "true",
        "USE_SSL": "1",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ACCOUNT_CONCURRENCY": str(EXECUTIONS),
        "LAMBDA_WARM_TTL_SECONDS": "120",
        "TMPDIR": str(folder / "tmp"),
        SETTING: browser,
        "PLAYWRIGHT_NODEJS_PATH": str(Path(playwright.__file__).parent / "driver/node"),
    }


@contextmanager
def emulator(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run MiniStack on a free port of the loopback; yield its address and its process. Raises ``ToolError``."""
    (folder / "tmp").mkdir(exist_ok=True)
    port = free_port()
    endpoint = f"https://127.0.0.1:{port}"
    log = folder / "ministack.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(LOCAL_AWS.python), str(ROOT / "tools/local_aws/emulator.py")],
            cwd=folder,
            env=emulator_environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = StartedProcess.of(process.pid)
    try:
        give_up = time.monotonic() + READY
        while not answers(endpoint, certificate=folder / CERTIFICATE):
            if process.poll() is not None or time.monotonic() > give_up:
                raise ToolError(f"MiniStack did not start; its log is {log}")
            time.sleep(0.05)
        yield endpoint, process
    finally:
        started.end(patience=EMULATOR_ENDING)
        process.wait()


def keep(folder: Path) -> int:
    """Start everything, write into ``folder`` where it is, and wait for a signal or for MiniStack's end."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with ExitStack() as stack:
        dsn = stack.enter_context(embedded_postgres(folder))
        site = stack.enter_context(DemoSite())
        hook = stack.enter_context(WebHook(folder))
        endpoint, process = stack.enter_context(emulator(folder))
        System(
            folder=folder,
            keeper=StartedProcess.of(os.getpid()),
            emulator=StartedProcess.of(process.pid),
            endpoint=endpoint,
            certificate=str(folder / CERTIFICATE),
            site=site.url,
            channel=hook.channel,
            database_url=without_password(dsn),
        ).save()
        say(f"ready: {endpoint}")
        while not over.wait(0.5):
            if process.poll() is not None:
                raise ToolError(f"MiniStack ended by itself (status {process.returncode})")
    return 0


if __name__ == "__main__":
    main_guard(lambda: keep(Path(sys.argv[1]).resolve()))
