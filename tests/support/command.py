"""Runs the real ``trapline`` command as a process, with a data directory and a temporary folder of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from support.processes import descendants, eventually, kill_all
from support.quick_folder import quick_folder
from trapline_machine.embedded_postgres import embedded_postgres

OWN_SITES = {"TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8"}
"""What every test's crawls need: their sites are on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command came to."""

    code: int
    """Exit status."""
    out: str
    """All of standard output."""
    err: str
    """All of standard error."""

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True, kw_only=True)
class Trapline:
    """The command, and where it works."""

    folder: Path
    """For a test's own files; the data directory and the browsers' files are in it."""
    program: tuple[str, ...] = (sys.executable, "-m", "trapline")
    """The words that start it: as it stands in this environment, or installed in another."""
    environ: dict[str, str] = field(default_factory=dict)
    """Environment variables on top of the test's."""

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    def config(self, text: str, *, name: str = "crawls.yaml") -> str:
        """Write a config and return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command. It leads a process group, so that a test may send it what a terminal would."""
        environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return subprocess.Popen(
            [*self.program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={
                **environ,
                "TMPDIR": str(self.tmp),
                "TRAPLINE_DATA_DIR": str(self.data_dir),
                **OWN_SITES,
                **self.environ,
            },
            start_new_session=True,
        )

    def run(self, *arguments: str, timeout: float = 120) -> Done:
        """Run the command to its end."""
        with self.start(*arguments) as process:
            return finish(process, timeout=timeout)

    def crawl(self, config: str, *more: str, timeout: float = 120) -> Done:
        """Run ``trapline crawl CONFIG --json``."""
        return self.run("crawl", config, "--json", *more, timeout=timeout)

    @contextmanager
    def ledger(self) -> Iterator["Ledger"]:
        """Keep the embedded Postgres running, or start it, for a look into it."""
        with embedded_postgres(self.data_dir) as dsn:
            yield Ledger(dsn=dsn)

    def browsers(self) -> list[int]:
        """Return the ids of every process whose command line names this test's temporary folder: its browsers."""
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = line.read_bytes().decode(errors="replace")
            except OSError:
                continue  # it ended while we looked
            if str(self.tmp) in text:
                found.append(int(line.parent.name))
        return found

    def until_no_browser(self) -> None:
        """Wait until no browser is left: a command may end before the browser of a crawler that was killed.

        That browser ends because its driver does, or is ended by its guardian, and nobody waits for these.
        """
        eventually(self.browsers, lambda left: not left, what="browsers left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """SQL of a test's own, on the database of a running command."""

    dsn: str
    """Of the command's database, as its owner."""

    def rows(self, sql: str, *arguments: object) -> list[Mapping[str, Any]]:
        """Return the rows of one statement."""

        async def ask() -> list[Mapping[str, Any]]:
            connection = await asyncpg.connect(self.dsn)
            try:
                return [dict(row) for row in await connection.fetch(sql, *arguments)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def value(self, sql: str, *arguments: object) -> Any:
        """Return the first column of the first row."""
        row = self.rows(sql, *arguments)[0]
        return next(iter(row.values()))

    def until(self, sql: str, is_so: Callable[[Any], bool], *, within: float = 60) -> Any:
        """Wait until the first column of the first row is as wanted, and return it."""
        return eventually(lambda: self.value(sql), is_so, within=within, what=sql)

    def until_tables(self, *, within: float = 30) -> None:
        """Wait until the command has migrated the database."""
        self.until("SELECT to_regclass('trapline.observation') IS NOT NULL", bool, within=within)


def finish(process: "subprocess.Popen[str]", *, timeout: float = 120) -> Done:
    """Wait for a command that was started, and kill it with its children when it takes too long."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill_all([*descendants(process.pid), process.pid])
        out, err = process.communicate()
        raise AssertionError(f"not over within {timeout} s\n{out}\n{err}") from None
    return Done(code=process.returncode, out=out, err=err)


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Press Ctrl-C: the signal goes to the whole process group of the terminal."""
    os.killpg(process.pid, signal.SIGINT)


@contextmanager
def trapline() -> Iterator[Trapline]:
    """Yield a command with an empty data directory; afterwards nothing that it started is left, after a failure too."""
    with quick_folder() as folder:
        command = Trapline(folder=folder)
        command.tmp.mkdir(mode=0o777)
        try:
            yield command
        finally:
            kill_all(command.browsers())
