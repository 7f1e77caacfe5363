"""The browser's folders are swept when their owner is gone."""

import subprocess
import sys
from pathlib import Path

from trapline_crawler.browser import temp_folders


def _dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_folders_of_the_dead_are_swept_with_their_profile(tmp_path: Path):
    """A dead crawler's folder goes, and the profile it noted; a living one's stays, and other users' folders."""
    mine = temp_folders.make(str(tmp_path))
    profile = tmp_path / "profile"
    left = tmp_path / f"trapline-browser-{_dead_pid()}-abc"
    other = tmp_path / "trapline-browser-notes"
    for folder in (profile, left, other):
        folder.mkdir()
    temp_folders.note_profile(left, str(profile))
    assert set(temp_folders.sweep(str(tmp_path))) == {str(left), str(profile)}
    assert mine.exists()
    assert other.exists()
    assert not left.exists()
    assert not profile.exists()


def test_links_are_not_followed(tmp_path: Path):
    """A link that looks like a dead crawler's folder leads the sweep nowhere."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / f"trapline-browser-{_dead_pid()}-abc").symlink_to(precious)
    assert temp_folders.sweep(str(tmp_path)) == ()
    assert precious.exists()
