"""The words, guarantees and ledger every Trapline service shares."""
