"""What the browser is given: environment and sandbox."""

from trapline_crawler.browser.launch_options import browser_environment, sandbox_works_for


def test_environment_is_an_allowlist():
    """Of the crawler's environment only what a browser needs is passed on, and no proxy: it has its own."""
    given = {
        "PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "TZ": "UTC",
        "AWS_SESSION_TOKEN": "t", "DATABASE_URL": "d", "TRAPLINE_SECRET_X": "s", "SOMETHING": "else",
        "HTTPS_PROXY": "http://user:pa@ss@proxy:3128", "http_proxy": "proxy:1", "NO_PROXY": "localhost",
    }  # fmt: skip
    assert browser_environment(given, "/scratch") == {
        "PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "TZ": "UTC",
        "XDG_CONFIG_HOME": "/scratch", "XDG_CACHE_HOME": "/scratch", "XDG_RUNTIME_DIR": "/scratch",
    }  # fmt: skip


def test_only_root_goes_without_sandbox():
    """The sandbox is off for root, for whom Chromium refuses it, and for no other user."""
    assert not sandbox_works_for(0)
    assert sandbox_works_for(1000)
