import subprocess
from dataclasses import replace

import pytest

from tools.shell import ROOT, ToolError
from tools.workspace import checks, line_length, refuse_skips

PASSED = '<testsuites><testsuite><testcase classname="a" name="b"/></testsuite></testsuites>'
SKIPPED = PASSED.replace("/></testsuite>", '><skipped message="no browser"/></testcase></testsuite>')


def test_every_check_runs_after_one_failed(tmp_path):
    """A failed check does not hide what the others would say, and is named in the result."""
    ran = []

    def run(command):
        ran.append(command)
        return 1 if "mypy" in command else 0

    wanted = replace(checks.plan(tests=True), beside=())
    assert checks.run_all(wanted, run, logs=tmp_path) == ["mypy"]
    assert ran == [check.command for check in wanted.foreground]


def test_lint_leaves_the_tests_out():
    """`make lint` runs every static check and no test."""
    names = [check.name for check in checks.plan(tests=True).foreground]
    lint = checks.plan(tests=False)
    assert [check.name for check in lint.foreground] == names[:-1]
    assert names[-1] == "pytest"
    assert lint.beside == ()


def test_chosen_tests_are_pytests_alone():
    """The arguments behind `--` reach pytest and no other check, and nothing runs beside it."""
    wanted = checks.plan(tests=True, chosen=["tests/unit", "-k", "words"])
    *others, pytest_ = wanted.foreground
    assert pytest_.command[-3:] == ("tests/unit", "-k", "words")
    assert not [check for check in others if "tests/unit" in check.command]
    assert wanted.beside == ()


def test_each_test_folder_is_run_once_and_reported(pytestconfig):
    """What the main run leaves out runs beside it; in CI the image too, and each report is one that CI reads."""
    wanted = checks.plan(tests=True, image=True)
    main, beside = wanted.foreground[-1].command, [check.command for check in wanted.beside]
    left_out = {option.partition("=")[2] for option in main if option.startswith("--deselect=")}
    assert left_out | {"tests/image"} == {command[-1] for command in beside}
    assert left_out <= set(pytestconfig.getini("testpaths"))
    written = {option.partition("=")[2] for command in (main, *beside) for option in command if "--junitxml" in option}
    ci = (ROOT / ".ci/run").read_text()
    assert all(f" {report}" in ci for report in written)
    assert len(written) == 1 + len(beside)
    assert [check.name for check in checks.plan(tests=True).beside] == ["local AWS"]


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
