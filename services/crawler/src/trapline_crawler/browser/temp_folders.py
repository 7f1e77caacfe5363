"""One folder per browser for all it writes, named after its owner so that a later one can sweep it."""

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

_PREFIX = "trapline-browser-"
_NAME = re.compile(rf"{_PREFIX}(?P<owner>\d+)-.+")
_NOTE = "profile"


def make(root: str | None = None) -> Path:
    """Make a new folder below ``root`` (default: the system's temporary folder), owned by this process."""
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))


def note_profile(folder: Path, profile: str) -> None:
    """Remember where Playwright's driver put the browser's profile, so that it is swept with the folder."""
    (folder / _NOTE).write_text(profile, encoding="utf-8")


def sweep(root: str | None = None) -> tuple[str, ...]:
    """Delete what dead crawlers left (killed together with their guardian), and return what was deleted."""
    swept: list[str] = []
    for folder in Path(root or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        match = _NAME.fullmatch(folder.name)
        if match is None or not _ours(folder) or _alive(int(match["owner"])):
            continue
        note = folder / _NOTE
        paths = [Path(note.read_text(encoding="utf-8"))] if note.is_file() else []
        for path in (*filter(_ours, paths), folder):
            shutil.rmtree(path, ignore_errors=True)
            swept.append(str(path))
    return tuple(swept)


def _ours(folder: Path) -> bool:
    """Tell whether it is a real folder of this user: every user may write to the temporary folder, under any name."""
    try:
        found = folder.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
