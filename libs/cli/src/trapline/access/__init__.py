"""How commands reach the ledger and the dispatcher."""
