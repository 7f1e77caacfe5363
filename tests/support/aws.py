"""Names in accounts that moto keeps in memory."""

BUCKET = "trapline-bucket"
"""The one bucket that is there."""
