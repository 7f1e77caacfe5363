"""What challenges look like: the CSS selectors that ``read.js`` asks every page for."""

from dataclasses import dataclass

LITTLE = 600
"""Characters of visible text. A page with a CAPTCHA and more than that has something to say besides: a form, an article."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """``selector`` matches a challenge of ``who``.

    ``widget``: sites put it into their own forms as well, so it counts only on a page with little text of which the crawl
    asks for nothing by name.
    """

    who: str
    selector: str
    widget: bool = False


SIGNS = (
    # developers.cloudflare.com/cloudflare-challenges: the interstitial loads its orchestrator; ordinary pages never do
    Sign(who="Cloudflare", selector='script[src*="/cdn-cgi/challenge-platform/"][src*="/orchestrate/"]'),
    Sign(who="Cloudflare", selector="#challenge-form, #challenge-error-text, #cf-error-details"),
    # docs.datadome.co: the response page frames its CAPTCHA from this host; the tag on good pages is js.datadome.co
    Sign(who="DataDome", selector='iframe[src*="captcha-delivery.com"], script[src*="ct.captcha-delivery.com"]'),
    # docs.humansecurity.com: the block page's container
    Sign(who="HUMAN", selector="#px-captcha"),
    # docs.imperva.com: blocked requests get a page that is one frame of this resource
    Sign(who="Imperva", selector='iframe[src*="_Incapsula_Resource"]'),
    # docs.aws.amazon.com/waf: the CAPTCHA's script, which sites may put into their own pages too
    Sign(who="AWS WAF", selector='script[src*=".captcha-sdk.awswaf.com"], #captcha-container', widget=True),
    Sign(who="Cloudflare Turnstile", selector='.cf-turnstile, iframe[src*="challenges.cloudflare.com"]', widget=True),
    Sign(who="hCaptcha", selector='.h-captcha, iframe[src*="hcaptcha.com"]', widget=True),
    Sign(who="reCAPTCHA", selector='.g-recaptcha, iframe[src*="/recaptcha/"]', widget=True),
)
"""What ``read.js`` looks for in every page; where each is documented stands above it."""
