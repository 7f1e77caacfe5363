"""How the browser is launched, as data: switches, environment, and what of Playwright's own is left out."""

from collections.abc import Mapping

MARKER = "--trapline-browser="
"""Chromium ignores switches it does not know. This one, with a token, tells this browser from every other."""

TURNED_ON = (
    # A cookie belongs to the scheme and port that set it, like everything else of an origin; otherwise the crawl's
    # cookies would go to every port of the host.
    "EnablePortBoundCookies",
    "EnableSchemeBoundCookies",
    # The browser does the network's work in its own process: 11 MiB less. No page is exposed more: Linux has no sandbox
    # around the network's process (``--service-sandbox-type=none``), and its end fails every visit in flight anyway.
    "NetworkServiceInProcess2",
)
"""Features of Chromium, by our own choice."""

TURNED_OFF = (
    # With it a page of the same site gets a new document's frame at each navigation, which costs a visit 10 to 40 ms.
    "RenderDocument",
    # With it each thread of a renderer keeps large pieces of memory for itself: 2 MiB a renderer, for no less work.
    "PartitionAllocLargeThreadCacheSize",
)
"""Features of Chromium, by our own choice."""

_FEATURES = (
    # Playwright's own two: Chromium takes the last list of features, so this one must repeat them.
    "CDPScreenshotNewSurface",
    "SkipListAccountsWithoutGaiaCookies",
    *TURNED_ON,
)

_NO_FEATURES = (
    # Playwright's own, all of them: Chromium takes the last list of these, too.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
    *TURNED_OFF,
)

_BLINK = (
    # Playwright's own four: a mouse. Chromium takes the last list of these, too.
    "primaryHoverType=2",
    "availableHoverTypes=2",
    "primaryPointerType=4",
    "availablePointerTypes=4",
    "imageAnimationPolicy=2",  # an animated picture shows its beginning: no two photographs of it would be equal
)

SWITCHES = (
    f"--enable-features={','.join(_FEATURES)}",
    f"--disable-features={','.join(_NO_FEATURES)}",
    "--disable-quic",  # one transport to reason about; and UDP is often closed where crawlers run
    "--disable-domain-reliability",
    "--no-pings",
    "--disable-crash-reporter",
    "--disable-logging",
    "--mute-audio",
    "--hide-scrollbars",
    f"--blink-settings={','.join(_BLINK)}",
    "--block-new-web-contents",  # no page opens a window: no person looks at it, and each costs as much as a page
    "--disable-shared-workers",  # a page's worker must not outlive its visit in another page of its site
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
"""In addition to Playwright's defaults, which already turn off background networking, updates and crash dumps."""

LEFT_OUT = (
    "--disable-popup-blocking",  # a page that no person looks at has no reason to open windows
    "--disable-ipc-flooding-protection",  # it protects the browser from a page that navigates in a loop
)
"""Defaults of Playwright that serve tests of one's own pages, not visits to other people's."""

_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE"}
)


def browser_environment(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the browser's environment: an allowlist, so that no secret of the crawler can be in it (guarantee 7).

    What the browser would keep in the user's configuration, cache and run-time folders goes to ``folder``. No proxy's
    address is passed on: the browser's only way out is the crawler's own proxy.
    """
    kept = {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith("LC_")}
    return kept | dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"), folder)


def sandbox_works_for(user_id: int) -> bool:
    """Tell whether Chromium starts with its sandbox for this user: for root it refuses to."""
    return user_id != 0
