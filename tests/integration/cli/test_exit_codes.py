"""The exit codes: one meaning for every command, as docs/commands.md has them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from trapline.application import application
from trapline.execute import execute
from trapline.exit_codes import ExitCode

from .conftest import Stage, Trapline, environment
from .conftest import execute as run_process

COMMANDS = set(get_command(application([])).commands)  # type: ignore[attr-defined]
READING = {"status": (), "runs": (), "tasks": (), "invocations": (), "mutes": (), "view": ("overview",)}
WORKING = {
    "show": ("7",), "export": ("7",), "diff": ("https://a.example/",), "add": ("7", "https://a.example/"),
    "cancel": ("7",), "retry": ("7",), "reap": (), "forget": ("shop",),
    "mute": ("shop", "--until", "2d", "--reason", "x"), "unmute": ("shop",), "ack": ("shop", "--reason", "x"),
    "accept": ("shop",), "visit": ("https://a.example/",), "report": ("7", "-o", "run.html"),
    "artifact": (f"ab/ab{'c' * 62}.png",),
}  # fmt: skip
ELSEWHERE = {"migrate": ()}
"""Commands that need a ledger, with arguments."""
FILES = {"crawl": ("no.yaml",), "try": ("no.yaml", "shop"), "config": ("no.yaml",), "serve": ("no.yaml",)}
"""Commands that need a file first."""
OTHERS = {"run", "alert", "web"}
"""Tried in test_working.py, test_remote.py and test_web.py: they need a deployment, or channels, or go on for ever."""


def test_each_command_is_tried() -> None:
    """A new command finds its place here."""
    assert {*READING, *WORKING, *ELSEWHERE, *FILES, *OTHERS} == COMMANDS


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what executes a command in this process, in an empty folder: its code and its two streams."""
    for name in ("DATABASE_URL", "TRAPLINE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = execute(arguments)
        return code, *capsys.readouterr()

    return ran


@pytest.mark.parametrize(("command", "arguments"), [*READING.items(), *WORKING.items(), *ELSEWHERE.items()])
def test_a_ledger_that_is_away_is_4(
    command: str, arguments: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a command wants of the ledger, one line says that it can't be reached."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/ledger")
    code, out, err = run(command, *arguments)
    assert (code, out, err.count("\n")) == (ExitCode.AWAY, "", 1), err


@pytest.mark.parametrize(("command", "arguments"), [*FILES.items(), *WORKING.items()])
def test_what_is_not_there_is_2(command: str, arguments: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    """A file, or a ledger, that is missing: refused, and nothing is made."""
    code, out, err = run(command, *arguments)
    assert (code, out, list(tmp_path.iterdir())) == (ExitCode.REFUSED, "", []), err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_an_unknown_option_is_2(command: str, run: Run) -> None:
    """A command line that is wrong is refused."""
    code, out, _ = run(command, "--no-such-option")
    assert (code, out) == (ExitCode.REFUSED, "")


@pytest.mark.parametrize(("command", "arguments"), [("migrate", ()), ("alert", ("--test",)), ("status", ())])
def test_a_folder_below_a_file_is_no_traceback(
    command: str, arguments: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    """The data directory can't be there: one line, or nothing was crawled yet."""
    (tmp_path / "file").touch()
    code, _, err = run(command, *arguments, "--data-dir", str(tmp_path / "file" / "data"))
    assert (code in {ExitCode.REFUSED, ExitCode.DONE}, err.count("\n")) == (True, 1), err


async def test_what_is_done_is_0_and_a_red_check_is_1(trapline: Trapline, stage: Stage) -> None:
    """Reading is done, also where it shows failures; the check that finds them is red."""
    for arguments in (("runs",), ("show", str(stage.second)), ("status",)):
        assert (await trapline(*arguments)).code == ExitCode.DONE
    assert (await trapline("status", "--check")).code == ExitCode.FAILED


async def test_any_encoding_of_standard_output_prints(dsn: str, stage: Stage, tmp_path: Path) -> None:
    """What a page holds and the encoding lacks is replaced; the exit code is the same."""
    env = environment(DATABASE_URL=dsn, PYTHONIOENCODING="ascii")
    for arguments in (("show", str(stage.second)), ("export", str(stage.second), "-f", "csv")):
        ran = await run_process(*arguments, cwd=tmp_path, env=env)
        assert (ran.code, ran.err) == (0, ""), arguments
