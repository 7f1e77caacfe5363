"""Leases tasks, visits pages in a headless browser and writes the results."""
