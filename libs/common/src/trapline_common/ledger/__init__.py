"""The ledger in Postgres: plain SQL through asyncpg, in named files."""
