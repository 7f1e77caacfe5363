"""The embedded Postgres among other servers, other users, odd names, and what a loss of power leaves behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from support.postgres import postgres_16
from support.processes import eventually
from support.quick_folder import quick_folder
from trapline.embedded import embedded_postgres
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_machine import postgres_server
from trapline_machine.embedded_ledger import open_ledger_beside
from trapline_machine.postgres_upgrade import upgrade_postgres
from trapline_web.own_file import write_own

NOBODY = 65534
NAMELESS = 54_321
"""A user whom /etc/passwd does not know."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose servers are stopped at the end."""
    with quick_folder() as found:
        yield found
        for data in (*found.glob("*/postgres"), *found.glob("postgres")):
            postgres_server.stop(data)


def ask(dsn: str, sql: str) -> object:
    """Return the answer to one statement."""

    async def asked() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(asked())


def first_process(data_dir: Path) -> psutil.Process:
    found = postgres_server.find(data_dir / "postgres")
    assert found is not None
    assert found.certain
    return found.process


def ended(process: psutil.Process) -> bool:
    """Return whether it has ended; in a container whose init takes nothing up, its entry stays."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def left_behind(data_dir: Path, text: str) -> Path:
    """Leave a pid file as a loss of power would."""
    file = data_dir / "postgres" / "postmaster.pid"
    file.write_text(text)
    os.chown(file, file.parent.stat().st_uid, file.parent.stat().st_gid)
    return file


def pid_file(process: int, data_dir: Path) -> str:
    data = data_dir / "postgres"
    return f"{process}\n{data}\n1795890000\n5432\n{data}\n\n  123 456\nready   \n"


def test_a_pid_file_that_names_another_program_touches_none(folder: Path) -> None:
    """An old pid file names another Postgres, or another program: ours starts beside it, and both go on."""
    ours, theirs = folder / "ours", folder / "theirs"
    with embedded_postgres(ours) as dsn:
        ask(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        with embedded_postgres(theirs) as other:
            foreign = first_process(theirs)
            for number in (foreign.pid, sleeper.pid, os.getpid()):
                left_behind(ours, pid_file(number, ours))
                with embedded_postgres(ours) as dsn:
                    assert ask(dsn, "SELECT one FROM kept") == 1
                    assert first_process(ours).pid != number
            assert ask(other, "SELECT 2") == 2, "its connections were not cut"
            assert first_process(theirs) == foreign
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_server_of_another_start_time_is_not_stopped(folder: Path) -> None:
    """A process on our folder whose start is not the one in the pid file gets no signal; it is joined."""
    with embedded_postgres(folder):
        process = first_process(folder)
        file = folder / "postgres" / "postmaster.pid"
        right = file.read_text()
        lines = right.split("\n")
        file.write_text("\n".join([*lines[:2], str(int(lines[2]) - 3_600), *lines[3:]]))
        with embedded_postgres(folder) as dsn:
            assert ask(dsn, "SELECT 1") == 1
        assert not postgres_server.stop(folder / "postgres")
        assert not ended(process)
        file.write_text(right)
    assert ended(process)


@pytest.mark.parametrize("name", ["q'u\"o`te $HOME%s#x,y;z& ä", "x" * 150])
def test_any_name_of_a_folder(folder: Path, name: str) -> None:
    """Blanks, quotes, signs that a shell, a DSN or Postgres' own lists read, and a name too long for a socket."""
    with embedded_postgres(folder / name) as dsn:
        assert ask(dsn, "SHOW data_directory") == str(folder / name / "postgres")
        sockets = Path(str(ask(dsn, "SHOW unix_socket_directories")))
        assert sockets.stat().st_mode & 0o077 == 0, "who reaches the socket is the ledger's owner"
    assert not sockets.name.startswith("trapline-") or not sockets.exists()


def test_the_last_user_stops_it_and_a_killed_one_counts_no_more(folder: Path) -> None:
    """Of several users the last one stops the server, whoever began; the kernel lets a killed one's part go."""
    use = (
        "from pathlib import Path; from trapline.embedded import embedded_postgres\n"
        f"with embedded_postgres(Path({str(folder)!r})):"
    )
    with embedded_postgres(folder), embedded_postgres(folder) as dsn:
        process = first_process(folder)
        subprocess.run([sys.executable, "-c", f"{use} pass"], check=True)
        assert ask(dsn, "SELECT 1") == 1, "one that ended in order stops it for nobody else"
        with subprocess.Popen(
            [sys.executable, "-c", f"{use} print(1, flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as user:
            assert user.stdout is not None
            assert user.stdout.readline() == b"1\n"
            user.kill()
        assert not ended(process)
    assert ended(process)
    killed = subprocess.run([sys.executable, "-c", f"{use} import os; os.kill(os.getpid(), 9)"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not ended(first_process(folder)), "nobody was left to stop it"
    with embedded_postgres(folder) as dsn:
        assert ask(dsn, "SELECT 1") == 1
    assert postgres_server.find(folder / "postgres") is None


@contextmanager
def taken(number: signal.Signals) -> Iterator[None]:
    """Let a program that is started in the block take the signal, where this one was told to ignore it (nohup)."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_command_that_a_signal_ends_stops_the_server_that_it_used_last(
    folder: Path, number: signal.Signals
) -> None:
    """As `timeout 60 trapline status` in cron does; the exit code is the signal's, and there is no traceback."""
    with embedded_postgres(folder) as dsn:
        async with await Database.connect(dsn) as database:
            await migrate(database)
        locking = await asyncpg.connect(dsn)  # which keeps no server running
        await locking.execute("BEGIN; LOCK TABLE trapline.run")
        with taken(number):
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "trapline", "runs", "--data-dir", str(folder)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with asyncio.timeout(60):
            while not await locking.fetchval(waits):
                await locking.execute("SELECT pg_stat_clear_snapshot()")
        server = first_process(folder)
    command.send_signal(number)
    printed, _ = await asyncio.wait_for(command.communicate(), 60)
    assert (command.returncode, b"Traceback" in printed) == (128 + number, False), printed
    assert ended(server)
    locking.terminate()


def test_a_server_killed_in_use_ends_its_users_with_one_error_and_comes_back(folder: Path) -> None:
    """SIGKILL, as the kernel sends it when memory is short: the block ends as it would, and the next start recovers."""
    with embedded_postgres(folder) as dsn:
        ask(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
        first_process(folder).kill()
        eventually(lambda: postgres_server.find(folder / "postgres"), lambda found: found is None, what="its end")
        with embedded_postgres(folder) as again:
            assert ask(again, "SELECT one FROM kept") == 1
    assert postgres_server.find(folder / "postgres") is None


def test_what_a_server_said_at_its_end_is_in_the_error(folder: Path) -> None:
    """An error of the ledger's carries the server's own last words, such as a full disk."""
    full = 'PANIC:  could not write to file "pg_wal/xlogtemp": No space left on device'

    def end() -> None:
        with embedded_postgres(folder):
            with (folder / "postgres" / "log").open("a") as log:
                print(f"2026-03-01 [7] {full}", file=log)
            raise LedgerUnavailableError("Postgres: the connection was closed")

    with pytest.raises(LedgerUnavailableError, match=r"the connection was closed .*No space left on device"):
        end()


def test_a_half_written_pid_file(folder: Path) -> None:
    """Empty, cut, or naming init: the next start works."""
    with embedded_postgres(folder):
        pass
    for text in ("", "12", "no number\n\n", "99999999999999999999\n", "1\n"):
        left_behind(folder, text)
        with embedded_postgres(folder) as dsn:
            assert ask(dsn, "SELECT 1") == 1


def test_a_folder_that_was_never_finished(folder: Path) -> None:
    """A first start that was cut off leaves nothing in the way; an older release's half-made data are set aside."""
    (folder / "postgres.unfinished-x" / "base").mkdir(parents=True)
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("18\n")
    with embedded_postgres(folder) as dsn:
        assert ask(dsn, "SELECT 1") == 1
    assert [each.name for each in folder.glob("postgres.broken-*/*")] == ["PG_VERSION"]
    assert not list(folder.glob("postgres.unfinished-*"))


def test_the_environments_own_postgres_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PG* variables and locales are meant for others; a ledger has the same order of letters on every machine."""
    odd = {"PGPORT": "6001", "PGHOST": "nowhere", "PGSSLMODE": "require", "PGTARGETSESSIONATTRS": "standby"}
    for name, value in {**odd, "PGDATABASE": "x", "PGUSER": "y", "LC_ALL": "xx_YY.UTF-8", "LANG": "xx"}.items():
        monkeypatch.setenv(name, value)
    with embedded_postgres(folder) as dsn:
        assert ask(dsn, "SELECT lower('ÄÖ') || current_database() || current_user") == "äöpostgrespostgres"


def test_what_can_not_be_used_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of another major version, files that are no Postgres, a full disk: one line with what to do."""
    with embedded_postgres(folder):
        pass
    version = folder / "postgres" / "PG_VERSION"
    for other, way in (("17", "trapline migrate --postgres-bin"), ("16", "`trapline migrate`"), ("19", "the release")):
        version.write_text(f"{other}\n")
        with pytest.raises(InputRefusedError, match=f"{way}.*move the folder away"), embedded_postgres(folder):
            pass
    version.write_text("18\n")
    with monkeypatch.context() as patched:
        patched.setattr(postgres_server, "ROOM", 2**62)
        with pytest.raises(LedgerUnavailableError, match="No space left on device"), embedded_postgres(folder):
            pass
    (folder / "a" / "postgres").mkdir(parents=True)
    (folder / "a" / "postgres" / "notes.txt").touch()
    with pytest.raises(InputRefusedError, match="no Postgres"), embedded_postgres(folder / "a"):
        pass
    (folder / "file").touch()
    for bad in (folder / "file", folder / "file" / "below", folder / "a\nb"):
        with pytest.raises(InputRefusedError, match="--data-dir"), embedded_postgres(bad):
            pass
    with embedded_postgres(folder) as dsn:
        assert ask(dsn, "SELECT 1") == 1


def test_another_user_has_a_ledger_of_his_own(folder: Path) -> None:
    """Two users of one machine: neither's files are in the other's way, and another's folder is refused in one line.

    So is a user without a name, for whom Postgres makes no ledger.
    """
    code = "import sys; from pathlib import Path; from trapline.execute import execute; sys.exit(execute(sys.argv[1:]))"
    mine, others = folder / "mine", folder / "others"
    with embedded_postgres(mine):
        pass
    others.mkdir()
    os.chown(others, NOBODY, NOBODY)

    def as_other(data_dir: Path, *, uid: int = NOBODY) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", code, "migrate", "--data-dir", str(data_dir)],
            user=uid, group=uid, extra_groups=[], capture_output=True, text=True, check=False, cwd="/",
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip

    with embedded_postgres(mine):
        assert as_other(others).returncode == 0
        refused = as_other(mine)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "--data-dir" in refused.stderr
    nameless = folder / "nameless"
    nameless.mkdir()
    os.chown(nameless, NAMELESS, NAMELESS)
    refused = as_other(nameless, uid=NAMELESS)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert f"user {NAMELESS} has no entry in /etc/passwd" in refused.stderr
    (others / "logs").mkdir()
    refused = as_other(others)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert f"--data-dir: {others / 'logs'} can't be used: Permission denied" in refused.stderr


def test_what_root_writes_into_another_users_folder_becomes_that_users(folder: Path) -> None:
    """Otherwise one command of root's shuts its owner out; no link's target and no other name of a file goes along."""
    owned, elsewhere = folder / "owned", folder / "elsewhere"
    owned.mkdir()
    os.chown(owned, NOBODY, NOBODY)
    elsewhere.mkdir()
    (elsewhere / "target").touch()
    with embedded_postgres(owned):
        (owned / "artifacts" / "99").mkdir(parents=True)
        (owned / "artifacts" / "99" / "a.png").touch()
        (owned / "logs").mkdir()
        (owned / "logs" / "link").symlink_to(elsewhere / "target")
        (owned / "logs" / "folder").symlink_to(elsewhere)
        os.link(elsewhere / "target", owned / "logs" / "second-name")
        write_own(owned / "web.keys", "{}")
        assert (owned / "web.keys").stat().st_uid == NOBODY
    found = {
        path.name: path.lstat().st_uid for path in owned.rglob("*") if "postgres" not in str(path.relative_to(owned))
    }
    assert found.pop("second-name") == 0
    assert set(found) >= {"artifacts", "99", "a.png", "logs", "link", "folder"}
    assert set(found.values()) == {NOBODY}
    assert (elsewhere.stat().st_uid, (elsewhere / "target").stat().st_uid) == (0, 0)


def test_an_older_major_version_is_brought_up(folder: Path) -> None:
    """Data that Postgres 16 made, and that was killed, are upgraded with all that is in them; the old ones are kept."""
    data_dir = folder / "with a blank"
    data_dir.mkdir()
    data = data_dir / "postgres"
    with postgres_16(data) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 1 AS one")
        server.process.kill()
        eventually(lambda: postgres_server.find(data), lambda found: found is None, what="its end")
    kept = upgrade_postgres(data_dir, None)
    assert kept == data_dir / "postgres.16"
    assert (kept / "PG_VERSION").read_text() == "16\n"
    with embedded_postgres(data_dir) as dsn:
        assert ask(dsn, "SELECT one FROM kept") == 1
    assert upgrade_postgres(data_dir, None) is None
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(InputRefusedError, match="--postgres-bin"):
        upgrade_postgres(data_dir, folder)


def test_a_command_that_is_cancelled_while_postgres_starts_leaves_no_server(folder: Path):
    """Ctrl-C in the first tenths of a second waits until the server can be stopped, and stops it."""

    def interrupt() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def command() -> None:
        with pytest.raises(asyncio.CancelledError):
            async with open_ledger_beside(folder, None, interrupt):
                pass
        assert (folder / "postgres" / "PG_VERSION").exists()  # it waited
        assert postgres_server.find(folder / "postgres") is None

    asyncio.run(command())


def test_what_is_done_beside_the_start_is_done_before_the_server_answers(folder: Path):
    """The start does not wait for it, nor it for the start."""
    seen: list[bool] = []

    async def command() -> None:
        def beside() -> None:
            server = postgres_server.find(folder / "postgres")
            seen.append(server is not None and server.ready)

        async with open_ledger_beside(folder, None, beside) as (_, database):
            assert await database.connection.fetchval("SELECT 1") == 1

    asyncio.run(command())
    assert seen == [False]
