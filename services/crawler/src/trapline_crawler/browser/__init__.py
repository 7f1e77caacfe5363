"""The headless browser: finding it, launching it, supervising it, and killing it with everything it started."""
