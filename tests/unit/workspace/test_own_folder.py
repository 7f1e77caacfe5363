"""A folder in memory is not left there for ever by a process that was killed."""

import subprocess
import sys
from pathlib import Path

from tools.own_folder import own_folder

HOLDS_ONE = """
import sys
from pathlib import Path
from tools.own_folder import own_folder
with own_folder(Path(sys.argv[1]), prefix="ours-") as folder:
    (folder / "data").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_deleted_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    """The next folder's maker deletes it, whole; folders of other names and of processes that live stay."""
    (tmp_path / "others").mkdir()
    command = [sys.executable, "-c", HOLDS_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            held = Path(other.stdout.readline().strip())
            with own_folder(tmp_path, prefix="ours-") as mine:
                assert {each.name for each in tmp_path.iterdir()} == {"others", held.name, mine.name}
            assert (held / "data").is_dir()
        finally:
            other.kill()
    with own_folder(tmp_path, prefix="ours-") as mine:
        assert {each.name for each in tmp_path.iterdir()} == {"others", mine.name}
    assert [each.name for each in tmp_path.iterdir()] == ["others"]
