"""What the walls of the services that keep robots out look like: a table that is made to be added to.

A row says whose wall it is, how it is known, and where that is written. ``read.js`` asks every page for the selectors;
titles, headers and words are compared by ``blocked.py``, which also says when a sign counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LITTLE = 600
"""Characters of visible text. A page with a CAPTCHA and more text than that is a page all the same: a form, say."""
WALL = 1_500
"""Characters of visible text that a wall shows at most: Imperva's has some 800. A page with more only speaks of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How one kind of wall is recognised: by exactly one of ``selector``, ``title`` and ``header``."""

    vendor: str
    """The service that shows it, for people."""
    source: str
    """Where the sign is documented, or was seen."""
    selector: str = ":not(*)"
    """CSS that matches it; by itself none."""
    title: str = ""
    """A regular expression of the whole title, without regard to case; Python's and JavaScript's syntax."""
    header: tuple[str, str] = field(default=("", ""))
    """A header of the answer in lower case, and its value."""
    widget: bool = False
    """Whether sites put it into their own forms as well: then it counts only on a page with little text of which the
    crawl asks for nothing by name."""


SIGNS = (
    Sign(
        vendor="Cloudflare",
        source="developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response",
        header=("cf-mitigated", "challenge"),
    ),
    Sign(
        vendor="Cloudflare",
        source="developers.cloudflare.com/cloudflare-challenges: only the interstitial loads its orchestrator",
        selector='script[src*="/cdn-cgi/challenge-platform/"][src*="/orchestrate/"]',
    ),
    Sign(
        vendor="Cloudflare",
        source="FlareSolverr, src/flaresolverr_service.py: the elements of its challenge and error pages",
        selector="#challenge-form, #challenge-error-text, #cf-error-details, #cf-challenge-running, #cf-please-wait",
    ),
    Sign(
        vendor="Cloudflare",
        source="FlareSolverr, src/flaresolverr_service.py: titles of its challenge and block pages",
        title=(
            r"just a moment\.{3}|attention required! \| cloudflare"
            r"|access denied \| [^ ]+ used cloudflare to restrict access"
        ),
    ),
    Sign(
        vendor="Anubis",
        source="github.com/TecharoHQ/anubis, web/index.templ: the challenge is in this element",
        selector="script#anubis_challenge, script#anubis_version",
    ),
    Sign(
        vendor="Anubis",
        source="github.com/TecharoHQ/anubis, lib/localization/locales/en.json",
        title=r"making sure you('|\u2019)re not a bot!?",
    ),
    Sign(
        vendor="DDoS-Guard",
        source="FlareSolverr, src/flaresolverr_service.py: its selectors",
        selector="#link-ddg, script[src*='/.well-known/ddos-guard/js-challenge']",
    ),
    Sign(vendor="DDoS-Guard", source="FlareSolverr, src/flaresolverr_service.py: its title", title="ddos-guard"),
    Sign(
        vendor="Vercel",
        source="vercel.com/docs/vercel-firewall/attack-challenge-mode: the checkpoint that visitors see",
        title="vercel security checkpoint",
    ),
    Sign(
        vendor="Vercel",
        source="seen: its challenge answers so with 403 or 429; a request that is denied has `deny`",
        header=("x-vercel-mitigated", "challenge"),
    ),
    Sign(
        vendor="AWS WAF",
        source="docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html: with status 202",
        header=("x-amzn-waf-action", "challenge"),
    ),
    Sign(
        vendor="AWS WAF",
        source="docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html: with status 405",
        header=("x-amzn-waf-action", "captcha"),
    ),
    Sign(
        vendor="AWS WAF",
        source="docs.aws.amazon.com/waf: the scripts of both, which sites may put into their own pages too",
        selector=(
            "script[src*='.captcha-sdk.awswaf.com'], script[src*='.token.awswaf.com'], #captcha-container,"
            " #challenge-container"
        ),
        widget=True,
    ),
    Sign(
        vendor="DataDome",
        source="docs.datadome.co: its answer frames the CAPTCHA from this host; good pages load js.datadome.co",
        selector="iframe[src*='captcha-delivery.com'], script[src*='ct.captcha-delivery.com']",
    ),
    Sign(
        vendor="HUMAN (PerimeterX)",
        source="docs.humansecurity.com: the container of its block page",
        selector="#px-captcha, #px-captcha-wrapper, script[src*='captcha.px-cdn.net']",
    ),
    Sign(
        vendor="HUMAN (PerimeterX)",
        source="docs.humansecurity.com: titles of its block page",
        title=r"access to this page has been denied\.?|human verification",
    ),
    Sign(
        vendor="Imperva",
        source="docs.imperva.com: a blocked request gets a page that is one frame or script of this resource",
        selector="iframe[src*='_Incapsula_Resource']",
    ),
    Sign(vendor="Imperva", source="docs.imperva.com: its page for robots", title=r"pardon our interruption\.*"),
    Sign(
        vendor="Akamai",
        source="seen: its challenge is in this container; public crawlers look for the same",
        selector="#sec-if-cpt-container, #sec-cpt-if, script[src*='/_sec/cp_challenge/']",
    ),
    Sign(
        vendor="Sucuri",
        source="docs.sucuri.net/website-firewall: titles of its block pages and of its check of browsers",
        title=r"sucuri website firewall - (access denied|browser check)|you are being redirected\.{3}",
    ),
    Sign(vendor="Amazon", source="seen at amazon.com: its page with a CAPTCHA", title="robot check"),
    Sign(
        vendor="Amazon",
        source="seen at amazon.com: the form of that page, whose title may be the shop's name alone",
        selector="form[action*='/errors/validateCaptcha']",
    ),
    Sign(
        vendor="Fastly",
        source="groktopus/groktocrawl#586: what nature.com showed; docs.fastly.com, client challenges",
        title="client challenge",
    ),
    Sign(
        vendor="SiteGround",
        source="harlan-zw/unlighthouse#291: the page, and the refresh that leads to it",
        title="robot challenge screen",
    ),
    Sign(
        vendor="SiteGround",
        source="seen: status 202 and a refresh to this place",
        selector="meta[http-equiv='refresh' i][content*='/.well-known/sgcaptcha/']",
    ),
    Sign(
        vendor="Kasada",
        source="seen: the script of its challenge; good pages load p.js from the same folder",
        selector="script[src*='/149e9513-01fa-4fb0-aad4-566afd725d1b/'][src*='/ips.js']",
    ),
    Sign(
        vendor="F5",
        source="my.f5.com, K11447: the title of its blocking page",
        title="request rejected",
    ),
    Sign(
        vendor="Yandex SmartCaptcha",
        source="seen at yandex.ru: the form of its check",
        selector="form[action*='/checkcaptcha?']",
    ),
    Sign(
        vendor="Bunny Shield",
        source="seen: the script of its challenge",
        selector="script[src*='/.bunny-shield/']",
    ),
    Sign(vendor="Alibaba Cloud", source="seen: the title of its check", title="captcha interception"),
    Sign(vendor="Radware", source="seen: the title of its check", title="radware captcha page"),
    Sign(
        vendor="go-away",
        source="git.gammaspectra.live/git/go-away: the title of its check",
        title="checking you are not a bot",
    ),
    Sign(
        vendor="a wall",
        source="common titles of walls without a name",
        title=(
            r"are you (a )?(robot|human)\??|verify(ing)? (that )?you are (a )?human\.*"
            r"|checking your browser( before accessing [^ ]+)?\.*|(one moment|please wait)(, please)?\.{3}"
            r"|ddos protection by [^ ]+|security check(point)?|access denied|establishing a secure connection ?\.{3}"
            r"|(bot|robot|human) (check|challenge|verification)|captcha"
        ),
    ),
    Sign(
        vendor="Cloudflare Turnstile",
        source="developers.cloudflare.com/turnstile: the widget",
        selector=".cf-turnstile, iframe[src*='challenges.cloudflare.com']",
        widget=True,
    ),
    Sign(
        vendor="hCaptcha",
        source="docs.hcaptcha.com: the widget",
        selector=".h-captcha, iframe[src*='hcaptcha.com']",
        widget=True,
    ),
    Sign(
        vendor="reCAPTCHA",
        source="developers.google.com/recaptcha: the widget",
        selector=".g-recaptcha, iframe[src*='/recaptcha/']",
        widget=True,
    ),
    Sign(
        vendor="Friendly Captcha",
        source="developer.friendlycaptcha.com: the widget",
        selector=".frc-captcha",
        widget=True,
    ),
    Sign(
        vendor="Arkose Labs",
        source="developer.arkoselabs.com: the frame of its challenge",
        selector="iframe[src*='arkoselabs.com'], iframe[src*='funcaptcha.com']",
        widget=True,
    ),
    Sign(
        vendor="ALTCHA",
        source="altcha.org/docs: the element of its widget",
        selector="altcha-widget",
        widget=True,
    ),
    Sign(
        vendor="GeeTest",
        source="docs.geetest.com: the widget",
        selector=".geetest_captcha, .geetest_holder",
        widget=True,
    ),
)
"""Where one vendor has several, each is a row of its own."""

TITLES = "|".join(sign.title for sign in SIGNS if sign.title)
"""All titles as one expression, for the page."""


def sign_of_title(title: str) -> Sign | None:
    """Return the sign whose title is the whole of ``title``."""
    return next((sign for sign in SIGNS if sign.title and re.fullmatch(sign.title, title.strip(), re.IGNORECASE)), None)


def sign_of_headers(headers: Mapping[str, str]) -> Sign | None:
    """Return the sign whose header is among ``headers``, names in lower case."""
    return next((sign for sign in SIGNS if sign.header[0] and headers.get(sign.header[0]) == sign.header[1]), None)
