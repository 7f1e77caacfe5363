import re

from support.docs_checks.names import unknown_modules, unknown_paths, unknown_tests
from tools.shell import ROOT


def test_every_file_that_is_named_exists():
    """A path in a page is one of the project's, or the end of one."""
    assert list(unknown_paths()) == []


def test_every_module_that_is_named_can_be_imported():
    """A dotted name in a page is a module, or something that a module has."""
    assert list(unknown_modules()) == []


def test_every_test_that_a_guarantee_names_exists():
    """The pages of guarantees name no test that was renamed or lost."""
    assert list(unknown_tests()) == []


def test_every_threat_to_the_web_view_has_a_test():
    """Each line of the table in docs/web.md names one at least."""
    text = (ROOT / "docs/web.md").read_text()
    rows = re.findall(
        r"^\| (.+?) \| .+ \| (.+) \|$", text[text.index("| threat |") : text.index("## A deployment")], re.MULTILINE
    )
    assert len(rows) > 12
    assert [threat for threat, tests in rows[1:] if not re.search(r"`\w+", tests)] == []
