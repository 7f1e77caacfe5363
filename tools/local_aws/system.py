"""What runs on this machine beneath the local AWS, and where it is."""

import json
import os
import shutil
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from pydantic import BaseModel

from tools.local_aws.processes import StartedProcess
from tools.shell import ROOT, ToolError

FOLDER = ROOT / ".trapline/aws"
"""Everything `make up` keeps: Postgres, logs, alerts, the Terraform variables."""
READY = 120.0
"""Seconds that the parts get to start; on a slow machine Postgres' first start takes most of it."""
KEEPER_ENDING = 45.0
"""Seconds for the keeper, which ends one part after the other; each has its own limit."""
_STATE = "system.json"
_LOG = "system.log"


class System(BaseModel, frozen=True):
    """The running parts and where each is; the keeper writes it once all of them work.

    A state file of an older release may lack a text, which is empty then: its processes can still be ended.
    """

    folder: Path
    """Holds everything of this system: Postgres' data, logs, alerts, Terraform's variables."""
    keeper: StartedProcess
    """The process in the background that holds all the parts."""
    emulator: StartedProcess
    """MiniStack."""
    endpoint: str = ""
    """Address of the AWS API."""
    certificate: str = ""
    """The file with which a client knows the endpoint; MiniStack makes it anew each time."""
    site: str = ""
    """Address of the demo shop."""
    channel: str = ""
    """The web hook, as an address for Apprise."""
    database_url: str = ""
    """Address of the embedded Postgres, without a password."""

    def environment(self) -> dict[str, str]:
        """Return what an AWS client or Terraform needs to reach this AWS and no other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        more = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        return kept | self.client_environment() | more

    def client_environment(self) -> dict[str, str]:
        """Return the variables that a client with an environment of its own needs, as the account's root."""
        root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        where = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_CA_BUNDLE": self.certificate, "AWS_REGION": "us-east-1"}
        return where | root

    def runs(self) -> bool:
        """Return whether keeper and emulator live and the AWS API answers."""
        if not self.keeper.is_running() or not self.emulator.is_running():
            return False
        return answers(self.endpoint, certificate=Path(self.certificate))

    def save(self) -> None:
        """Write the state, whole or not at all."""
        draft = self.folder / f"{_STATE}.draft"
        draft.write_text(self.model_dump_json(indent=2))
        draft.replace(self.folder / _STATE)


def answers(endpoint: str, *, certificate: Path) -> bool:
    """Return whether the MiniStack that ``certificate`` belongs to answers at ``endpoint``."""
    if not certificate.is_file():
        return False
    try:
        trusted = ssl.create_default_context(cafile=certificate)
        with urlopen(f"{endpoint}/_ministack/health", timeout=2, context=trusted) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except (URLError, OSError):
        return False


def load(folder: Path) -> System | None:
    """Return what was started in ``folder``, which may have ended since; ``None`` where nothing was."""
    state = folder / _STATE
    return System.model_validate(json.loads(state.read_text()) | {"folder": folder}) if state.exists() else None


def start(folder: Path) -> System:
    """Start everything in the background and return once it works; what an earlier one left in ``folder`` goes.

    Its AWS was in memory, so its ledger would name artifacts that are gone. Raises ``ToolError`` with the log's path.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / _LOG
    keeper = _spawn([sys.executable, "-m", "tools.local_aws.keeper", str(folder)], log=log)
    give_up = time.monotonic() + READY
    while time.monotonic() < give_up and keeper.is_running():
        system = load(folder)
        if system is not None:
            return system
        time.sleep(0.05)  # between two looks
    keeper.end()
    lines = log.read_text().strip().splitlines()
    raise ToolError(f"the local AWS did not start ({log}): {lines[-1] if lines else 'it wrote nothing'}")


def _spawn(command: Sequence[str], *, log: Path) -> StartedProcess:
    """Start a process that outlives this one, in a session of its own; a ``Popen`` would warn when it is forgotten."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    to_log = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), to_log, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return StartedProcess.of(os.posix_spawn(command[0], list(command), environ, file_actions=files, setsid=True))


def _postgres(folder: Path) -> StartedProcess | None:
    """Return the Postgres that runs on the data in ``folder``, by its own pid file."""
    data = folder / "postgres"
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().partition("\n")[0]))
        ours = str(data) in process.cmdline()
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return StartedProcess.of(process.pid) if ours else None


def stop(folder: Path) -> bool:
    """End everything that was started in ``folder``, by id; return whether there was anything."""
    system = load(folder)
    if system is None:
        return False
    system.keeper.end(patience=KEEPER_ENDING)
    # Ended already, unless the keeper was killed
    system.emulator.end()
    postgres = _postgres(folder)
    if postgres is not None:
        postgres.end()
    (folder / _STATE).unlink(missing_ok=True)
    return True
