"""Brings the embedded Postgres's data from an older major version up to the one that this release runs."""

import re
import shutil
import tempfile
from pathlib import Path

from trapline_common.domain.errors import InputRefusedError
from trapline_machine import postgres_server
from trapline_machine.data_directory import prepare, refusals
from trapline_machine.embedded_postgres import make_cluster, starts_and_stops, version_of
from trapline_machine.postgres_programs import MAJOR, ServerUser, current, packaged

_NEW = "postgres.upgraded"
_STATE = "shut down\n"
"""How the line of `pg_controldata` ends that says whether the server was stopped in order."""
_CHECKSUMS = re.compile(r"^Data page checksum version:\s*(\d+)$", re.MULTILINE)


def upgrade_postgres(data_dir: Path, programs: Path | None) -> Path | None:
    """Upgrade the data of ``data_dir`` with pg_upgrade; return where the old data are kept, ``None``: nothing to do.

    ``programs``: the folder of the old version's programs, where this release does not bring them. The old data stay as
    they are, under the name that is returned, for the person to delete. Raises ``InputRefusedError`` when the data are
    not to be upgraded by this release or are in use, ``LedgerUnavailableError`` with the program's words when it
    failed; the old data are then in their place.
    """
    prepare(data_dir)
    data = data_dir.resolve() / "postgres"
    with starts_and_stops(data_dir) as (turn, users), turn.alone(), refusals(data_dir):
        user = ServerUser.of(data)
        version = version_of(data)
        if version is None or version == str(MAJOR):
            return None
        old = _old_programs(version, programs)
        users.share()
        if not users.take() or postgres_server.find(data) is not None:
            raise InputRefusedError(f"{data} is in use: stop what works on it first")
        return _upgrade(data, old, version, user)


def _old_programs(version: str, programs: Path | None) -> Path:
    if not version.isdecimal() or int(version) > MAJOR:
        raise InputRefusedError(
            f"the data are of Postgres {version[:20]!r}, which this release, with {MAJOR}, can't read"
        )
    found = programs or packaged(int(version))
    if found is None or not (found / "postgres").is_file():
        raise InputRefusedError(
            f"the data are of Postgres {version}: name the folder of its programs (`postgres`, `pg_ctl`) with "
            f"--postgres-bin, such as /usr/lib/postgresql/{version}/bin"
        )
    return found.resolve()


def _upgrade(data: Path, old: Path, version: str, user: ServerUser) -> Path:
    new = data.with_name(_NEW)
    shutil.rmtree(new, ignore_errors=True)  # of an upgrade that was cut off
    for programs in (old, current()):
        user.reach_programs(programs)
    user.reach(data)
    if _STATE not in user.run(old / "pg_controldata", [str(data)]):
        postgres_server.start(data, old, user)  # it was killed: its own programs recover it
        postgres_server.stop(data)
    control = user.run(old / "pg_controldata", [str(data)])
    found = _CHECKSUMS.search(control)
    make_cluster(new, user, checksums=found is not None and found[1] != "0")
    work = Path(tempfile.mkdtemp(prefix="trapline-upgrade-"))
    try:
        user.own(work)
        # pg_upgrade writes paths into command lines of a shell: these have plain names
        (work / "old").symlink_to(data)
        (work / "new").symlink_to(new)
        user.run(
            current() / "pg_upgrade",
            [
                *("-b", str(old), "-B", str(current()), "-d", str(work / "old"), "-D", str(work / "new")),
                *("-U", "postgres", "-s", str(work)),
            ],
            folder=work,
        )
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    kept = _free_name(data.with_name(f"postgres.{version}"))
    data.rename(kept)
    new.rename(data)
    return kept


def _free_name(path: Path) -> Path:
    number = 1
    found = path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found
