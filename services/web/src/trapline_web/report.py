"""One run as one file: no script, nothing that is fetched, its pictures inside; for a mail, or an artifact of CI."""

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from trapline_common.domain.artifact_key import PNG
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger.views.screens.run import VISITS, RunScreen
from trapline_web.ports import Pictures, Place, Views
from trapline_web.rendering import sentences, states
from trapline_web.rendering.environment import environment, render
from trapline_web.rendering.progress import bar, pace
from trapline_web.thumbnails.maker import ThumbnailMaker

MOST_BYTES = 5_000_000
"""Of the file: what mail servers take."""
_SMALL = 12_000
"""Bytes that are kept for each picture that comes later: as a small one; few are larger."""
_MOST_VISITS = 600
"""Visits that are named; the rest is counted."""
_FRAME = 600
"""Bytes of markup, at most, around a picture: the end of an address, escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A finished report."""

    html: str
    """The file's text, in ASCII but for what pages wrote."""
    pictures: int
    """Pictures in it."""
    left_out: int
    """Pictures that were too many, or are no longer kept."""


async def report(run_id: int, *, views: Views, pictures: Pictures, place: Place) -> Report:
    """Return the report of a run. Raises ``InputRefusedError`` when there is no such run."""
    screen: RunScreen | None = await views.read("run", {"id": str(run_id)})
    if screen is None:
        raise InputRefusedError(f"no run {run_id}: nothing was crawled yet")
    visits = list(screen.visits)
    while len(visits) < min(screen.visits_total, _MOST_VISITS):
        more: RunScreen = await views.read("run", {"id": str(run_id), "offset": str(len(visits))})
        visits += more.visits
        if len(more.visits) < VISITS:
            break
    style, word = states.run_state(screen.run)
    values = {
        "screen": screen,
        "run": screen.run,
        "at": screen.at,
        "visits": visits,
        "title": sentences.run_sentence(screen.run),
        "style": style,
        "word": word,
        "bar": bar(screen.run),
        "pace": pace(screen.run, screen.at),
        "pictures": {},
        "left_out": 0,
        # Our own file, and no page's text: escaped, its child combinators (`>`) would select nothing.
        "css": Markup(files("trapline_web").joinpath("static", "trapline.css").read_text("utf-8")),  # noqa: S704
        "place": place,
    }
    templates = environment()
    while (text := len(render(templates, "report.html", values).encode())) > MOST_BYTES // 2:  # long addresses
        values["visits"] = visits = visits[: len(visits) // 2]
    wanted = Counter(visit.screenshot for visit in visits if visit.screenshot)
    shown = await _pictures(wanted, pictures, place=MOST_BYTES - text)
    left_out = len(wanted) - len(shown)
    html = render(templates, "report.html", {**values, "pictures": shown, "left_out": left_out})
    return Report(html=html, pictures=len(shown), left_out=left_out)


async def _pictures(wanted: Mapping[str, int], pictures: Pictures, *, place: int) -> Mapping[str, str]:
    """Return pictures as data addresses by key, in ``place`` bytes. ``wanted``: how often each is shown.

    Each is whole as long as there is place for those that come later as small ones: failures and changes come first.
    """
    found: dict[str, str] = {}
    maker = ThumbnailMaker()
    later = sum(wanted.values())
    try:
        for key, times in wanted.items():
            later -= times
            with suppress(KeyError, TransientError):
                address = _address("image/png", whole := await pictures.read(key))
                if not whole.startswith(PNG):
                    continue
                if times * (len(address) + _FRAME) > place - later * _SMALL:
                    small = await maker.make(whole)
                    address = "" if small is None else _address("image/webp", small)
                if address and times * (len(address) + _FRAME) <= place:
                    place -= times * (len(address) + _FRAME)
                    found[key] = address
    finally:
        await maker.close()
    return found


def _address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"
