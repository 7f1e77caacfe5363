"""The headless browser: finding it, launching it, watching it, and killing it with everything it started."""
