"""Every read of the ledger that a person or a program sees."""
