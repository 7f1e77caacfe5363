"""The bounds of one visit beyond the crawl's own ``timeout``."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLimits:
    """Bounds in seconds, bytes and numbers; tests set shorter ones."""

    size: int = 50 * MIB
    """Bytes that one visit may load, as they come and unpacked, with frames and workers."""
    parts: int = 300
    """Frames, workers and windows that a page may open in one visit. Pages with many advertisements have some dozens;
    each frame costs Playwright's driver milliseconds, and a thousand of them more than most time-outs."""
    events: int = 20_000
    """Events that a page may cause in the browser's protocol in one visit; a page of 1,000 parts causes some 10,000."""
    reported: int = 64 * MIB
    """Bytes of these events."""
    text: int = 256 * 1024
    """Bytes of normalised text that are kept; the hash covers all of it."""
    slow_after: float = 1.0
    """Seconds without an answer after which a visit asks whether its tab still shows the page before."""
    parts_within: float = 5.0
    """Seconds that a document which has arrived may wait for its parts, at most half of what is left of ``timeout``:
    then the page is read without them where its content is there."""
    refresh_within: float = 10.0
    """Seconds; a page that goes elsewhere by itself within these is no content, and what it goes to is read. One that
    shows its text for longer is a page with a time-out of its own."""
    enough: int = 100
    """Characters of text that make a page of which the crawl names nothing content, though parts of it never came."""
    answer: float = 5.0
    """Seconds that a page may take to answer a question of the crawler before it counts as hung."""
    grace: float = 1.3
    """Seconds beyond the crawl's ``timeout`` for what is still learnt of a page that used it up: its text, a picture.
    With twice ``close_soon`` that makes less than two seconds; stores and a busy browser come on top."""
    evidence: float = 8.0
    """Seconds for screenshot and HTML, and for each part of a session's state."""
    open: float = 15.0
    """Seconds to open a context or a page, and to set a page up."""
    linger: float = 0.1
    """Seconds after a visit until its page leaves for ``about:blank``, unless the next visit takes it before: the blank
    page costs as much as half a visit. With nobody in its context it gets no byte meanwhile."""
    empty: float = 1.0
    """Seconds that a page may take to leave for ``about:blank`` when its visit has ended; then it is closed."""
    wipe: float = 2.0
    """Seconds that the wipe of a room may take; then the room is closed. No visit waits for all of it."""
    wait_for_wipe: float = 0.25
    """Seconds that a visit waits for a room that is being wiped, before it opens one of its own."""
    rooms: int = 1
    """Rooms that are kept beside as many as were ever in use at once; each holds a renderer with a blank page."""
    close: float = 5.0
    """Seconds to close a context or a page, in the background, before the browser is given up for it; and to undo a
    page's set-up."""
    close_soon: float = 0.3
    """Seconds that a visit waits for its page and its context to be closed before the background does it."""
    visits_per_collection: int = 8
    """Visits after which the renderer of a reused page is asked to collect what their documents left. By itself it
    waits until it holds twice as much. Asked so often, its memory stays flat, for a few hundredths of a visit's
    processor time (``make bench ARGS="--only endurance"``)."""
    wipes_per_collection: int = 2
    """The same of a room: there it is done behind a visit's back, and each of several rooms holds less meanwhile."""
    visits_per_page: int = 100
    """Visits after which a reused page, or a room, is replaced, which bounds the memory that its renderer gathers."""
    store: float = 60.0
    """Seconds for what a visit still does once its page is done with, storing its evidence for one. A guard only: each
    store has shorter bounds of its own."""
