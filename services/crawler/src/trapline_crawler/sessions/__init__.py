"""Log-ins, and the sealed sessions that they begin."""
