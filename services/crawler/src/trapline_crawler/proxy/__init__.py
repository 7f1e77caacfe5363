"""The browser's only way out: a SOCKS proxy in this process, and behind it the gate."""
