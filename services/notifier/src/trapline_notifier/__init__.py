"""Drains the alert outbox and tells people."""
