import subprocess

import pytest

from tools.ci import refuse_skips
from tools.shell import ROOT, ToolError
from tools.workspace import checks, line_length

PASSED = '<testsuites><testsuite><testcase classname="a" name="b"/></testsuite></testsuites>'
SKIPPED = PASSED.replace("/></testsuite>", '><skipped message="no browser"/></testcase></testsuite>')


def test_every_check_runs_after_one_failed():
    """A failed check does not hide what the others would say, and is named in the result."""
    ran = []

    def run(command):
        ran.append(command)
        return 1 if "mypy" in command else 0

    wanted = checks.checks(tests=True)
    assert checks.run_all(wanted, run) == ["mypy"]
    assert ran == [check.command for check in wanted]


def test_lint_leaves_the_tests_out():
    """`make lint` runs every static check and no test."""
    names = [check.name for check in checks.checks(tests=True)]
    assert [check.name for check in checks.checks(tests=False)] == names[:-1]
    assert names[-1] == "pytest"


def test_chosen_tests_are_pytests_alone():
    """The arguments behind `--` reach pytest and no other check."""
    *others, pytest_ = checks.checks(tests=True, chosen=["tests/unit", "-k", "words"])
    assert pytest_.command[-3:] == ("tests/unit", "-k", "words")
    assert not [check for check in others if "tests/unit" in check.command]


def test_continuous_integration_reads_each_report():
    """The reports of `make test` and of `make test-image` are those in which CI looks for skips."""
    (last,) = [line for line in (ROOT / ".ci/run").read_text().splitlines() if "refuse_skips" in line]
    image = (ROOT / "Makefile").read_text().partition("--junitxml=")[2].split()[0]
    assert last.split()[-2:] == [checks.REPORT, image]


def test_the_closing_line_counts_the_tests_of_all_reports(tmp_path, capsys):
    """Continuous integration ends with how many tests ran, the image's among them; each report must be there."""
    reports = [tmp_path / "tests.xml", tmp_path / "image.xml"]
    reports[0].write_text(PASSED)
    with pytest.raises(ToolError, match="no such report"):
        refuse_skips.main([str(report) for report in reports])
    reports[1].write_text(PASSED)
    assert refuse_skips.main([str(report) for report in reports]) == 0
    assert capsys.readouterr().out == "2 tests ran, none was skipped\n"
    with pytest.raises(ToolError):
        refuse_skips.main([])


def test_a_skipped_test_fails_the_build(tmp_path):
    """Continuous integration refuses a report with a skip and says which test and why."""
    report = tmp_path / "tests.xml"
    report.write_text(SKIPPED)
    with pytest.raises(ToolError, match="a::b: no browser"):
        refuse_skips.main([str(report)])
    report.write_text(PASSED)
    assert refuse_skips.main([str(report)]) == 0


@pytest.mark.parametrize("text", [None, "<testsuites/>"])
def test_no_report_and_no_tests_fail_the_build(tmp_path, text):
    """A run that tested nothing is refused."""
    report = tmp_path / "tests.xml"
    if text is not None:
        report.write_text(text)
    with pytest.raises(ToolError):
        refuse_skips.main([str(report)])


def test_make_alone_prints_help():
    """`make` without a target prints each command with a sentence, and does nothing."""
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "bench", "lint", "format", "lock", "clean"):
        assert f"make {target} " in done.stdout


def test_recipes_are_short():
    """No recipe of the Makefile is longer than three lines: the logic is in tested Python."""
    recipes = (ROOT / "Makefile").read_text().split("\n\n")
    assert all(sum(line.startswith("\t") for line in recipe.splitlines()) <= 3 for recipe in recipes)


def test_long_lines_are_found_with_file_and_number(tmp_path):
    """A line of 121 columns is named with its file and number; one of 120 is fine, in characters and not in bytes."""
    fine, long = tmp_path / "fine.sql", tmp_path / "long.tf"
    fine.write_text(f"{'é' * 120}\n")
    long.write_text(f"short\n{'x' * 121}\n")
    assert line_length.long_lines([fine, long]) == [f"{long}:2: 121 columns"]
