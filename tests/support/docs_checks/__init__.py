"""Checks of what the pages say: links, names, command lines."""
