"""What a page's baseline was made with, as one short text: under another one it means nothing any more.

It has two parts. A run freezes the first, over what its crawl compares; the crawler that judges a visit adds the
second, the version of its own reader. So the reader that counts is the one that read the page, whichever release opened
the run.
"""

import json
from hashlib import sha256

from trapline_common.config.choices import Frames
from trapline_common.config.extraction import written
from trapline_common.config.held_secrets import held_secrets
from trapline_common.config.models import CrawlConfig

READER_VERSION = 2
"""Version of the code that reads a loaded page.

Raise it by 1 in the change after which the same page may come out with another text, other fields or another hash:
``read.js`` and its neighbours in the crawler's visit, ``content/text.py``, ``content/ignored_text.py``, or the hash
over them. The first good visit of each page under the new version then becomes its baseline in silence. Left as it is,
the release would tell every team that all its pages changed.
"""

FINDER_VERSION = 2
"""Version of the code that takes secrets out of a text (``content/secret_finder.py``); raise it like the reader's.

It counts for crawls with secrets alone. An older baseline may also hold a spelling that an older finder did not know,
and no alert may show that as what was removed.
"""


def fingerprint(crawl: CrawlConfig) -> str:
    """Return 64 hex digits over ``watch``, ``extract``, ``ignore`` and ``frames``.

    Equal when the same content is compared: the order of ``extract`` and of the selectors in ``ignore``, and repeats of
    these, do not matter; the order of its patterns does. ``remember``, ``confirm_after`` and ``min_change`` are not in
    it: they decide about content and do not make it, and a reset would swallow the change that they hold back. A page
    whose baseline carries another fingerprint gets a new baseline silently.
    """
    compared: dict[str, object] = {
        "watch": crawl.watch,
        "extract": written(crawl.extract),
        "ignore": sorted(set(crawl.ignored_selectors)),
    }
    if crawl.ignored_patterns:  # a crawl without any keeps the fingerprint, and the baselines, it always had
        compared["patterns"] = crawl.ignored_patterns
    if crawl.frames is not Frames.SAME_ORIGIN:
        compared["frames"] = crawl.frames
    text = json.dumps(compared, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()


def as_read(compared: str, *, reader: int, finder: int = 1) -> str:
    """Return the fingerprint of a baseline: a run's, as version ``reader`` of the code reads its pages.

    ``finder``: version of the code that takes secrets out of them, 1 where there are none (``finder_version``). Version
    1 of either adds nothing, so that the baselines of releases that knew no version stay valid.
    """
    read = compared if reader == 1 else f"{compared}/reader-{reader}"
    return read if finder == 1 else f"{read}/finder-{finder}"


def finder_version(crawl: CrawlConfig) -> int:
    """Return the version of the secret finder that reads the crawl's pages: 1, any, where it has no secret to find."""
    return FINDER_VERSION if held_secrets(crawl) else 1
