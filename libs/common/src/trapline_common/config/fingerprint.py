"""What a crawl compares, as one short text: when it changes, old baselines mean nothing any more."""

import json
from hashlib import sha256

from trapline_common.config.models import CrawlConfig


def fingerprint(crawl: CrawlConfig) -> str:
    """Return 64 hex digits over ``watch``, ``extract`` and ``ignore``.

    Equal when the same content is compared: the order of ``extract`` and of the selectors in ``ignore``, and repeats of
    these, do not matter; the order of its patterns does. ``remember``, ``confirm_after`` and ``min_change`` are not in it:
    they decide about content and do not make it, and a reset would swallow the change that they hold back. A page whose
    baseline carries another fingerprint gets a new baseline silently.
    """
    compared: dict[str, object] = {
        "watch": crawl.watch,
        "extract": crawl.extract,
        "ignore": sorted(set(crawl.ignored_selectors)),
    }
    if crawl.ignored_patterns:  # a crawl without any keeps the fingerprint, and the baselines, it always had
        compared["patterns"] = crawl.ignored_patterns
    text = json.dumps(compared, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()
