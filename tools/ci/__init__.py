"""What continuous integration needs alone: an engine and a base image made on this machine, no skipped test."""
