"""The developer's workspace: environments, browser, locks, checks."""
