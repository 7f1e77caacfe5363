"""The ledger's tables and functions: the schema, its migrations, and who may do what."""
