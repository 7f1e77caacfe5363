"""Advice on a failure, one sentence for each reason."""

from collections.abc import Mapping

from trapline_common.domain.observation import Reason

_CHECK = "Open the page in a browser."

ADVICE: Mapping[Reason, str] = {
    Reason.DNS: "Check the host's spelling, and that its DNS record still exists.",
    Reason.CONNECT: "Check that the server is up and that its firewall lets this network in.",
    Reason.TLS: "Check the site's certificate: its dates, its names and its chain.",
    Reason.TIMEOUT: "Open the page; if it is always this slow, raise `timeout` or `settle` for this crawl.",
    Reason.HTTP_STATUS: "Open the page; a 401 or 403 may need `headers` or `cookies`, a 404 a new URL.",
    Reason.NO_CONTENT: "The server had nothing to show; check that this URL still names a page.",
    Reason.REDIRECTS: "The redirects go in a circle; the site may want a cookie or a login first.",
    Reason.DOWNLOAD: "The answer is a file that is no text; take this URL out, or name the page that links to it.",
    Reason.TOO_LARGE: "The page loads more than a visit may; `block` what it does not need, such as media.",
    Reason.WAIT_FOR: "Open the page; if its markup changed, correct `wait_for`.",
    Reason.EXPECTATION: "Open the page; if what it shows is right now, correct `expect`.",
    Reason.SELECTOR: "Open the page; if its markup changed, correct `watch` or `extract`.",
    Reason.SECRET: "Check that the secret exists under this name and that the crawler may read it.",
    Reason.STEP: (
        "Run `trapline try`: its screenshot shows where the steps stopped; then correct `steps` or their secrets."
    ),
    Reason.LOGGED_OUT: "Logging in did not help: check the secrets in `steps`, the account, and `logged_in_check`.",
    Reason.ADDRESS_REFUSED: (
        "If this page is yours and private, allow its address with `allow_private`; else find out what points there."
    ),
    Reason.BLOCKED: (
        "The site shuts the crawler out; visit more slowly (`host_delay`, `host_concurrency`), or ask its owner."
    ),
    Reason.ROBOTS: "The site's robots.txt keeps robots out of this page; drop it, or `robots: ignore` if it is yours.",
    Reason.PAGE_CRASHED: "The page kills its own tab; `block` what it does not need, or take it out.",
    Reason.PAGE_HUNG: "A script keeps the page busy for ever; `block: [script]` may help, or take it out.",
    Reason.BROWSER: "The browser died, not the page; if this goes on, give the crawler more memory.",
    Reason.POISON: "Every invocation that took this page died with it; take it out, or `block` its media and scripts.",
    Reason.UNAVAILABLE: (
        "Something that Trapline needs for the visit was away: see the detail, mend it, then `trapline retry`."
    ),
    Reason.PAGES: "`trapline show` names each page of the ordered task that failed, with its own reason.",
    Reason.CANCELLED: "An operator cancelled it; `trapline retry` runs it again.",
    Reason.NAVIGATION: _CHECK,
}


def advice(reason: object) -> str:
    """Return what to do; a reason this release does not know gets the one step that always helps."""
    known = {str(each): text for each, text in ADVICE.items()}
    return known.get(str(reason), _CHECK)
