"""Each service logs in as a role of its own, which may do what its queries need and nothing else.

The whole paths run under these roles in the services' own tests: crawler_loop, dispatcher, cli and
notifier/test_drain_ledger.
"""

import re
from dataclasses import replace
from importlib.resources import files

import asyncpg
import pytest

from support.ledger import value
from support.postgres import as_role, fresh_database
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.grants import ROLES, apply_grants
from trapline_common.ledger.schema.migrate import migrate, migrations

GRANTS = files("trapline_common.ledger.schema").joinpath("grants.sql").read_text("utf-8")
WHERE = "libs/common/src/trapline_common/ledger/schema/grants.sql"
COLUMNS = """
SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'trapline'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.relname
"""
FUNCTIONS = "SELECT DISTINCT proname::text AS name FROM pg_proc WHERE pronamespace = 'trapline'::regnamespace"
PRIVILEGES = """
SELECT relname::text, relacl::text, NULL AS attname FROM pg_class WHERE relnamespace = 'trapline'::regnamespace
UNION ALL SELECT c.relname::text, a.attacl::text, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'trapline'::regnamespace AND a.attacl IS NOT NULL
UNION ALL SELECT proname::text, proacl::text, NULL FROM pg_proc WHERE pronamespace = 'trapline'::regnamespace
ORDER BY 1, 3
"""
REFUSED = [
    ("trapline_crawler", "INSERT INTO trapline.run (crawl, lane, config, fingerprint) VALUES ('c', 'l', '{}', 'f')"),
    ("trapline_crawler", "UPDATE trapline.run SET config = '{}'"),
    ("trapline_crawler", "UPDATE trapline.lane SET max_invocations = 9"),
    ("trapline_crawler", "INSERT INTO trapline.invocation (lane, slot) VALUES ('l', 1)"),
    ("trapline_crawler", "SELECT payload FROM trapline.alert"),
    ("trapline_crawler", "UPDATE trapline.alert SET status = 'sent'"),
    ("trapline_crawler", "SELECT text FROM trapline.observation"),
    ("trapline_crawler", "DELETE FROM trapline.task"),
    ("trapline_dispatcher", "SELECT trapline.lease_share(gen_random_uuid(), gen_random_uuid(), 'l', 1, false)"),
    ("trapline_dispatcher", "UPDATE trapline.task SET lease_seq = 9"),
    ("trapline_dispatcher", "UPDATE trapline.alert SET status = 'sent'"),
    ("trapline_dispatcher", "DELETE FROM trapline.run"),
    ("trapline_crawler", "SELECT trapline.retire(1, false, 1)"),
    ("trapline_notifier", "SELECT url FROM trapline.task"),
    ("trapline_notifier", "SELECT config FROM trapline.run"),
    ("trapline_notifier", "INSERT INTO trapline.alert (kind, crawl, payload) VALUES ('failure', 'c', '{}')"),
    ("trapline_notifier", "UPDATE trapline.alert SET payload = '{}'"),
    ("trapline_operator", "SELECT checkpoint FROM trapline.task"),
    ("trapline_operator", "UPDATE trapline.page SET baseline_text = ''"),
    ("trapline_operator", "INSERT INTO trapline.migration (version, name, checksum) VALUES (99, 'n', 'c')"),
    ("trapline_operator", "TRUNCATE trapline.run CASCADE"),
    ("trapline_reader", "SELECT checkpoint FROM trapline.task"),
    ("trapline_reader", "SELECT state FROM trapline.session"),
    ("trapline_reader", "SELECT token FROM trapline.waiter"),
    ("trapline_reader", "SELECT task_token FROM trapline.invocation"),
    ("trapline_reader", "SELECT lastval() FROM nextval('trapline.mute_id_seq')"),
    ("trapline_reader", "SELECT trapline.accept_candidate(1, 'me')"),
    ("trapline_reader", "CREATE TABLE trapline.mine (id int)"),
]


def sections() -> dict[str, str]:
    """Return what stands in the file about each table, from its comment to the next blank line."""
    return {match[1]: match[0] for match in re.finditer(r"-- trapline\.(\w+), written once:.*?\n\n", GRANTS, re.DOTALL)}


async def test_every_table_column_and_function_has_its_line(database: Database) -> None:
    """What a migration adds is used by a role that needs it, so its grants are decided on in the same change."""
    missing = []
    for row in await database.connection.fetch(COLUMNS):
        text = sections().get(row["table"], "")
        once = re.sub(r"\n-- ", " ", text).partition("\n")[0].partition("written once:")[2]
        named = {*re.findall(r"\w+", once), *re.findall(r"\w+", " ".join(re.findall(r"UPDATE \(([^)]*)\)", text)))}
        missing += [f"trapline.{row['table']}.{column}" for column in row["columns"] if column not in named]
    functions = {row["name"] for row in await database.connection.fetch(FUNCTIONS)}
    missing += [f"trapline.{name}()" for name in sorted(functions) if not re.search(rf"trapline\.{name}\b", GRANTS)]
    assert not missing, (
        f"no line in {WHERE}: {', '.join(missing)}. Say there which roles SELECT, INSERT, UPDATE (by column), DELETE "
        "or EXECUTE; a column that no role updates goes into the table's comment 'written once'. Without a grant the "
        "services "
        "are refused on AWS."
    )


@pytest.mark.parametrize(("role", "statement"), REFUSED)
async def test_what_a_service_does_not_need_is_refused(dsn: str, role: str, statement: str) -> None:
    """A service that was taken over can do no more to the ledger than its own work."""
    async with await Database.connect(as_role(dsn, role)) as service:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.connection.execute(statement)


async def test_who_only_looks_is_refused_every_write(dsn: str, database: Database) -> None:
    """Into no table of the ledger, whichever it is, and by no function: SELECT is all that the role has."""
    functions = await database.connection.fetch(
        "SELECT oid::regprocedure::text AS name, has_function_privilege('trapline_reader', oid, 'EXECUTE') AS may "
        "FROM pg_proc WHERE pronamespace = 'trapline'::regnamespace"
    )
    assert [row["name"] for row in functions if row["may"]] == []
    tables = await database.connection.fetch(COLUMNS)
    async with await Database.connect(as_role(dsn, "trapline_reader")) as reader:
        for row in tables:
            table = f"trapline.{row['table']}"
            for statement in (
                f"INSERT INTO {table} DEFAULT VALUES",
                *(f"UPDATE {table} SET {column} = DEFAULT" for column in row["columns"]),
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.connection.execute(statement)


async def test_a_login_without_a_role_may_do_nothing(dsn: str, database: Database) -> None:
    """A login without a role of ours sees no table and runs no function; a new function has no caller until granted."""
    await database.connection.execute(
        "CREATE FUNCTION trapline.new() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP ROLE IF EXISTS passer_by; "
        "CREATE ROLE passer_by LOGIN"
    )
    await apply_grants(database)
    for role in ("passer_by", *ROLES):
        async with await Database.connect(as_role(dsn, role)) as other:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await other.connection.execute("SELECT trapline.new()")
    async with await Database.connect(as_role(dsn, "passer_by")) as other:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await other.connection.execute("SELECT 1 FROM trapline.lane")


async def test_granting_again_changes_nothing_and_takes_away_what_was_added(database: Database) -> None:
    """What stands in the file is all there is, however often it is applied."""
    before = await database.connection.fetch(PRIVILEGES)
    await database.connection.execute("GRANT ALL ON trapline.task, trapline.alert TO trapline_notifier")
    assert await database.connection.fetch(PRIVILEGES) != before
    assert await apply_grants(database)
    assert [sorted((row[1] or "").strip("{}").split(",")) for row in await database.connection.fetch(PRIVILEGES)] == [
        sorted((row[1] or "").strip("{}").split(",")) for row in before
    ]


async def test_a_newer_releases_grants_are_left_alone(postgres: str) -> None:
    """An older release that migrates by mistake takes nothing from services that are newer than it."""
    async with fresh_database(postgres) as dsn, await Database.connect(dsn) as database:
        newest = migrations()[-1]
        newer = replace(newest, version=newest.version + 1, name="newer", sql="CREATE TABLE trapline.newer (id int)")
        await migrate(database, [*migrations(), newer])
        await database.connection.execute("GRANT SELECT ON trapline.newer TO trapline_notifier")
        assert not await apply_grants(database)
        async with await Database.connect(as_role(dsn, "trapline_notifier")) as notifier:
            assert await value(notifier, "SELECT count(*) FROM trapline.newer") == 0
