"""One run as one file: no script, nothing that is fetched, its pictures inside; for a mail, or an artifact of CI."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from markupsafe import Markup

from trapline_common.domain.artifact_key import PNG
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger.views.run_screen import VisitRow
from trapline_common.ledger.views.screens.run import VISITS, RunScreen
from trapline_web.ports import Pictures, Place, Views
from trapline_web.rendering import sentences, states
from trapline_web.rendering.environment import environment, render
from trapline_web.rendering.progress import bar, pace

MOST_BYTES = 5_000_000
"""Of the file: what mail servers take."""
_TEXT = 700_000
"""Bytes of them that are kept for everything but pictures."""
_MOST_VISITS = 600
"""Visits that are named; the rest is counted."""


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
    shown, left_out = await _pictures(visits, pictures)
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
        "pictures": shown,
        "left_out": left_out,
        # Our own file, and no page's text: escaped, its child combinators (`>`) would select nothing.
        "css": Markup(files("trapline_web").joinpath("static", "trapline.css").read_text("utf-8")),  # noqa: S704
        "place": place,
    }
    return Report(html=render(environment(), "report.html", values), pictures=len(shown), left_out=left_out)


async def _pictures(visits: list[VisitRow], pictures: Pictures) -> tuple[Mapping[str, str], int]:
    """Return pictures as data addresses by key, those of failures and changes first, and how many were left out."""
    found: dict[str, str] = {}
    left = MOST_BYTES - _TEXT
    wanted = list(dict.fromkeys(visit.screenshot for visit in visits if visit.screenshot))
    for key in wanted:
        try:
            data = await pictures.read(key)
        except (KeyError, TransientError):
            continue
        text = b64encode(data).decode()
        if not data.startswith(PNG) or len(text) > left:
            continue
        left -= len(text)
        found[key] = f"data:image/png;base64,{text}"
    return found, len(wanted) - len(found)
