"""One visit: load a page, wait until it has settled, read it, judge it, keep screenshot and HTML."""
