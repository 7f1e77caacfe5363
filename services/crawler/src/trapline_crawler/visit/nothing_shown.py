"""Whether a page that loaded shows nothing of what is watched: a baseline of it would hide what comes later. Pure."""

import re

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.page_script import Reading

_PLACEHOLDER = re.compile(
    r"(loading|please wait|one moment|just a second|initiali[sz]ing|wird geladen|bitte warten|l\u00e4dt|laden"
    r"|chargement|veuillez patienter|cargando|espere|caricamento|carregando"
    r"|\u0437\u0430\u0433\u0440\u0443\u0437\u043a\u0430|\u8bfb\u53d6\u4e2d|\u52a0\u8f7d\u4e2d|\u8aad\u307f\u8fbc\u307f\u4e2d)[\w\s,]{0,30}[.\u2026!\s]*"
    r"|(you need to|please) enable javascript.{0,60}|this (page|app|site) requires javascript.{0,60}",
    re.IGNORECASE,
)
"""All that a page shows which waits for its scripts."""


def nothing_shown(reading: Reading, text: str | None, crawl: CrawlConfig) -> Failure | None:
    """Return that the watched part holds no text, or that a page whose scripts failed shows nothing but their place.

    A page that shows no text though its scripts work (a picture, a map) is a page, as is one with the text or the field
    that the crawl names.
    """
    if crawl.watch is not None:
        if text:
            return None
        return Failure(reason=Reason.SELECTOR, detail=f"watch: {crawl.watch!r} holds no text", retry=False)
    if crawl.wait_for is not None or crawl.extract or crawl.expect.contains is not None or not reading.scripts_failed:
        return None
    if text and not _PLACEHOLDER.fullmatch(text):
        return None
    shows = f"shows only {text!r}" if text else "shows no text"
    detail = f"the page {shows}, and {reading.scripts_failed} of its scripts failed"
    return Failure(reason=Reason.NO_CONTENT, detail=detail, retry=True)
