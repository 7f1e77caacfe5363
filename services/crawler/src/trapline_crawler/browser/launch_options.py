"""How the browser is launched, as data: switches, environment, and what of Playwright's own is left out."""

import os
from collections.abc import Mapping

MARKER = "--trapline-browser="
"""Chromium ignores switches it does not know. This one, with a token, tells our browser from every other."""

_FEATURES = (
    # Playwright's own two: Chromium takes the last list of features, so ours must repeat them.
    "CDPScreenshotNewSurface",
    "SkipListAccountsWithoutGaiaCookies",
    # A cookie belongs to the scheme and port that set it, as all else of an origin does; else the crawl's cookies
    # would go to every port of the host.
    "EnablePortBoundCookies",
    "EnableSchemeBoundCookies",
)

SWITCHES = (
    f"--enable-features={','.join(_FEATURES)}",
    "--disable-quic",  # one transport to reason about; and UDP is often closed where crawlers run
    "--disable-domain-reliability",
    "--no-pings",
    "--disable-crash-reporter",
    "--disable-logging",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
"""In addition to Playwright's defaults, which already turn off background networking, updates and crash dumps."""

LEFT_OUT = (
    "--disable-popup-blocking",  # a page without a visitor has no reason to open windows
    "--disable-ipc-flooding-protection",  # it protects the browser from a page that navigates in a loop
)
"""Defaults of Playwright that serve tests of one's own pages, not visits to strangers'."""

_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE"}
)


def browser_environment(environ: Mapping[str, str], scratch: str) -> dict[str, str]:
    """Return the browser's environment: an allowlist, so that no secret of ours can be in it (guarantee 7).

    What the browser would keep in the user's configuration, cache and run-time folders goes to ``scratch``. No proxy's
    address is passed on: the browser's only way out is the crawler's own.
    """
    kept = {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith("LC_")}
    return kept | dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"), scratch)


def needs_no_sandbox(user_id: int | None = None) -> bool:
    """Tell whether Chromium refuses to start with its sandbox: it does so for root."""
    return (os.geteuid() if user_id is None else user_id) == 0
