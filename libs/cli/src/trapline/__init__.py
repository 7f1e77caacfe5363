"""The operator's command and the one-machine runtime."""
