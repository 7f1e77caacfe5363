"""Bring the schema up to date: each migration once, in order, with its checksum, under a lock.

A new database takes the same way as an old one, through every migration; ``schema.sql`` shows where that way ends.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from trapline_common.domain.errors import TraplineError
from trapline_common.ledger.connection import Database, ledger_errors

_FILE = re.compile(r"^(\d{4})_(\w+)\.sql$")

LOCK_KEY = 0x74726170_00000000
"""The advisory lock that migrating processes take in turn ('trap' in ASCII; lane keys have other low halves)."""

TIMEOUT = 3600.0
"""Seconds a migration, or the wait for another process's, may take: an index on a large table takes minutes."""

_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS trapline;
CREATE TABLE IF NOT EXISTS trapline.migration (
    version int PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(TraplineError):
    """The database's history and this release's migrations contradict each other; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One ``NNNN_name.sql`` file."""

    version: int
    """The number in the file's name; the order of the chain."""
    name: str
    """The rest of the file's name."""
    sql: str
    """The file's text, whose checksum a database remembers: a file that was released never changes again."""

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return this release's migrations in order."""
    found = [
        Migration(version=int(match[1]), name=match[2], sql=file.read_text("utf-8"))
        for file in files("trapline_common.ledger.schema").joinpath("migrations").iterdir()
        if (match := _FILE.match(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


async def migrate(database: Database, known: list[Migration] | None = None) -> list[Migration]:
    """Apply what is missing, all of it in one transaction, and return what was applied.

    Safe to run twice and by two processes at once. A database migrated by a newer release is left alone: migrations
    expand first, so an older service works on it. ``known`` replaces this release's chain, and ``comments.sql`` then
    stays out. Raises ``MigrationError`` when the text of an applied migration has changed, or one is missing from the
    middle of the chain.
    """
    async with database.transaction(bounded=False):
        with ledger_errors():
            applied = await _apply(database.connection, migrations() if known is None else known)
            if applied and known is None:
                await database.connection.execute(_schema_file("comments.sql"), timeout=TIMEOUT)
            return applied


async def _apply(connection: "asyncpg.Connection[Any]", known: list[Migration]) -> list[Migration]:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY, timeout=TIMEOUT)
    await connection.execute(_BOOTSTRAP)
    rows = await connection.fetch("SELECT version, checksum FROM trapline.migration")
    missing = _missing(known, {row["version"]: row["checksum"] for row in rows})
    for migration in missing:
        await connection.execute(migration.sql, timeout=TIMEOUT)
        await connection.execute(
            "INSERT INTO trapline.migration (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum,
        )
    return missing


def _schema_file(name: str) -> str:
    return files("trapline_common.ledger.schema").joinpath(name).read_text("utf-8")


def _missing(known: list[Migration], applied: Mapping[int, str]) -> list[Migration]:
    newest = max(applied, default=0)
    for migration in known:
        name = f"migration {migration.version:04}_{migration.name}"
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{name} was applied with another text; restore the file, or make the change a new migration"
            )
        if migration.version not in applied and migration.version < newest:
            raise MigrationError(f"{name} was never applied, but {newest:04} was; give it a number after that")
    return [migration for migration in known if migration.version not in applied]
