"""The commands that crawl on this machine; the `trapline` command finds them by entry point."""
