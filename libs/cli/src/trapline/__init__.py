"""The operator's command: it reads a ledger and works on its runs, on this machine or in a deployment."""
