"""What a crawl compares, as one short text: when it changes, old baselines mean nothing any more."""

import json
from hashlib import sha256

from trapline_common.config.models import CrawlConfig


def fingerprint(crawl: CrawlConfig) -> str:
    """Return 64 hex digits over ``watch``, ``extract`` and ``ignore``.

    Equal when the same content is compared: the order of ``extract`` and ``ignore``, and repeats in ``ignore``, do not
    matter. A page whose baseline carries another fingerprint gets a new baseline silently.
    """
    compared = {"watch": crawl.watch, "extract": crawl.extract, "ignore": sorted(set(crawl.ignore))}
    text = json.dumps(compared, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()
