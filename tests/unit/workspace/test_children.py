"""One list of what forked processes find loaded: the first that asks decides it for its whole process."""

from pathlib import Path

TESTS = Path(__file__).parents[2]


def test_nobody_else_forks_from_a_server_of_its_own():
    """A second list would be without effect, or take the first one's place, by the order in which tests run."""
    word = "fork" + "server"
    found = [file for file in TESTS.rglob("*.py") if f'"{word}"' in file.read_text(encoding="utf-8")]
    assert [file.relative_to(TESTS).as_posix() for file in found] == ["support/children.py"]
