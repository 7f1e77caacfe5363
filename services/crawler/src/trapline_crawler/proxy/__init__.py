"""The browser's way out: a SOCKS proxy in this process, and behind it the gate."""
