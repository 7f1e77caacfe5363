"""Adapters for one machine: no AWS anywhere."""
