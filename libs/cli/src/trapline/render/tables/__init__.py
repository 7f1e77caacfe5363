"""The tables of the reading commands."""
