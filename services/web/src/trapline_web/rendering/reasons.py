"""What each reason of a failure says about whose fault it is."""

from collections.abc import Mapping
from types import MappingProxyType

from trapline_common.domain.observation import Reason

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        Reason.DNS: "the host's name was not found: the site, or its name's servers",
        Reason.CONNECT: "no connection: the site, or the network between",
        Reason.TLS: "the certificate or the handshake was refused: the site",
        Reason.TIMEOUT: "not loaded in time: the site, or a timeout that is too short",
        Reason.HTTP_STATUS: "the site answered with an error, or with another status than expected",
        Reason.NO_CONTENT: "the site answered with nothing to show",
        Reason.REDIRECTS: "the site redirects in a circle, or too often",
        Reason.DOWNLOAD: "the answer is a file and no page",
        Reason.TOO_LARGE: "more bytes than one visit may load",
        Reason.WAIT_FOR: "what wait_for names did not appear: the page changed, or the selector is wrong",
        Reason.EXPECTATION: "loaded, but not what expect asks for",
        Reason.SELECTOR: "watch or extract found nothing: the page changed, or the selector is wrong",
        Reason.SECRET: "a secret could not be had: your settings",
        Reason.STEP: "a step before the visit failed: the page changed, or the step is wrong",
        Reason.LOGGED_OUT: "the session was not logged in, also after a fresh log-in",
        Reason.ADDRESS_REFUSED: "an address that pages may not be on: your settings, or the page",
        Reason.BLOCKED: "the site shuts the crawler out",
        Reason.ROBOTS: "the site's robots.txt closes the page",
        Reason.PAGE_CRASHED: "the page's renderer died: the page",
        Reason.PAGE_HUNG: "the page stopped answering: the page",
        Reason.BROWSER: "the browser itself died: the machine, not the page",
        Reason.POISON: "every invocation that took this page died with it",
        Reason.UNAVAILABLE: "something of ours that the visit needs was away",
        Reason.PAGES: "pages of an ordered list failed, each with a reason of its own",
        Reason.CANCELLED: "an operator cancelled it",
        Reason.NAVIGATION: "the browser could not go there",
    }
)
