"""Shared parts of the tests: servers, databases, processes."""
