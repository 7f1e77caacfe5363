"""What challenges look like: the CSS selectors that ``read.js`` asks every page for."""

from dataclasses import dataclass

LITTLE = 600
"""Characters of visible text. A page with a CAPTCHA and more text than that is a page all the same: a form, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How one kind of challenge is recognised."""

    vendor: str
    """The service that shows it, for people."""
    selector: str
    """CSS that matches it."""
    widget: bool = False
    """Whether sites put it into their own forms as well: then it counts only on a page with little text of which the
    crawl asks for nothing by name."""


SIGNS = (
    # developers.cloudflare.com/cloudflare-challenges: the interstitial loads its orchestrator; ordinary pages never do
    Sign(vendor="Cloudflare", selector='script[src*="/cdn-cgi/challenge-platform/"][src*="/orchestrate/"]'),
    Sign(vendor="Cloudflare", selector="#challenge-form, #challenge-error-text, #cf-error-details"),
    # docs.datadome.co: the response page frames its CAPTCHA from this host; the tag on good pages is js.datadome.co
    Sign(vendor="DataDome", selector='iframe[src*="captcha-delivery.com"], script[src*="ct.captcha-delivery.com"]'),
    # docs.humansecurity.com: the block page's container
    Sign(vendor="HUMAN", selector="#px-captcha"),
    # docs.imperva.com: blocked requests get a page that is one frame of this resource
    Sign(vendor="Imperva", selector='iframe[src*="_Incapsula_Resource"]'),
    # docs.aws.amazon.com/waf: the CAPTCHA's script, which sites may put into their own pages too
    Sign(vendor="AWS WAF", selector='script[src*=".captcha-sdk.awswaf.com"], #captcha-container', widget=True),
    Sign(
        vendor="Cloudflare Turnstile", selector='.cf-turnstile, iframe[src*="challenges.cloudflare.com"]', widget=True
    ),
    Sign(vendor="hCaptcha", selector='.h-captcha, iframe[src*="hcaptcha.com"]', widget=True),
    Sign(vendor="reCAPTCHA", selector='.g-recaptcha, iframe[src*="/recaptcha/"]', widget=True),
)
"""``read.js`` looks for these in every page; the source of each stands above it."""
