from types import SimpleNamespace

from support.order import LONG, STORIES, arranged
from tools.shell import ROOT


def item(file, line):
    return SimpleNamespace(path=ROOT / file, location=(file, line, "test"))


def test_stories_keep_their_order_and_long_folders_begin():
    """However the tests are shuffled: the local AWS as written, then the long folders, then the rest as shuffled."""
    shuffled = [
        item("tests/unit/b.py", 9),
        item(f"{STORIES}/test_deploy.py", 30),
        item(f"{LONG[1]}/z.py", 2),
        item("tests/contract/a.py", 1),
        item(f"{STORIES}/test_deploy.py", 4),
        item(f"{LONG[0]}/y.py", 7),
        item("tests/unit/b.py", 3),
    ]
    found = [one.location[:2] for one in arranged(shuffled, ROOT)]
    assert found == [
        (f"{STORIES}/test_deploy.py", 4),
        (f"{STORIES}/test_deploy.py", 30),
        (f"{LONG[0]}/y.py", 7),
        (f"{LONG[1]}/z.py", 2),
        ("tests/unit/b.py", 9),
        ("tests/contract/a.py", 1),
        ("tests/unit/b.py", 3),
    ]


def test_only_short_tests_begin_last():
    """A file that takes minutes begins before its folder; new folders of real parts come before the quick tests."""
    quick, new, whole, storm = (
        item(file, 1)
        for file in (
            "tests/unit/a.py",
            "tests/integration/new/b.py",
            "tests/e2e/test_whole.py",
            "tests/e2e/test_storm.py",
        )
    )
    assert arranged([quick, new, whole, storm], ROOT) == [storm, whole, new, quick]


def test_what_is_named_is_there():
    """A folder or file that moves keeps its position in the order."""
    assert all((ROOT / name).exists() for name in (STORIES, *LONG))
