"""Every read of the ledger that a person or a program sees; nothing here writes, locks, or waits for a lock.

Each module has its statements in ``queries/views/<module>.sql``. Commands, the one-machine runtime and a web view read
through these, so that one thing has one name and is counted in one way.
"""
