"""Which picture of a page is kept, and how it is compared with the one before.

Each key's ``description`` and ``examples`` are its text in the JSON Schema and in the reference of ``crawls.yaml``.
"""

import json
from hashlib import sha256
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from trapline_common.config.choices import PictureBaseline, Screenshot
from trapline_common.config.fields import Whole
from trapline_common.config.parts import Model, Viewport
from trapline_common.config.picture_amount import PictureAmountText
from trapline_common.config.selector_fields import ElementSelector

PAINTER_VERSION = 1
"""Version of the code that prepares and photographs a page whose pictures are compared.

Raise it by 1 in the change after which the same page may come out as another picture: each page's next picture then
becomes its baseline in silence.
"""


class ElementShot(Model):
    """A screenshot of one element."""

    element: ElementSelector = Field(
        description="A CSS selector; the first match that has a size is photographed, the whole of it.",
        examples=["#plans"],
    )


def _shot_form(value: object) -> str:
    return "[when]" if isinstance(value, str) else "[element]"


Shot = Annotated[
    Annotated[Screenshot, Tag("[when]")] | Annotated[ElementShot, Tag("[element]")], Discriminator(_shot_form)
]
"""A word, or ``{element: CSS}``."""


class Visual(Model):
    """How the pictures of a page are compared."""

    watch: ElementSelector | None = Field(
        default=None,
        description="A CSS selector: only its first match that has a size is compared. Left out: the whole picture.",
        examples=["#plans"],
    )
    ignore: tuple[ElementSelector, ...] = Field(
        default=(),
        max_length=100,
        description="CSS selectors of elements that are painted over in the picture, so that they never differ.",
        examples=[[".advert", "video", "iframe"]],
    )
    hide: tuple[ElementSelector, ...] = Field(
        default=(),
        max_length=100,
        description="CSS selectors of elements that are not drawn, and take no room either, such as a cookie banner.",
        examples=[["#cookie-banner"]],
    )
    min_change: PictureAmountText | None = Field(
        default=None,
        description=(
            "How much of the compared picture must differ: pixels, or a share of them in percent. Left out: any "
            "difference but a few lone pixels."
        ),
        examples=["0.1%"],
    )
    tolerance: Whole = Field(
        default=18,
        ge=0,
        le=254,
        description="How far a pixel's red, green or blue, from 0 to 255, may be off without a difference.",
        examples=[0],
    )
    baseline: PictureBaseline = Field(
        default=PictureBaseline.FOLLOW,
        description=(
            "What a picture is compared with: `follow`, the last one that was accepted, or `manual`, the one that you "
            "accepted by `trapline accept`."
        ),
        examples=["manual"],
    )


def picture_fingerprint(visual: Visual, shot: Shot, viewport: Viewport, *, scale: float, browser: str) -> str:
    """Return 16 hex digits over everything that makes the same page another picture.

    ``scale``: pixels of a CSS pixel; ``browser``: its major version, because a new one moves every glyph. What
    ``min_change`` and ``tolerance`` say is not in it: they decide about pictures and make none, and a reset would
    swallow the change that they hold back.
    """
    made = {
        "painter": PAINTER_VERSION,
        "shot": shot.element if isinstance(shot, ElementShot) else str(shot),
        "viewport": [viewport.width, viewport.height],
        "scale": scale,
        "browser": browser,
        "watch": visual.watch,
        "ignore": sorted(set(visual.ignore)),
        "hide": sorted(set(visual.hide)),
    }
    if isinstance(shot, ElementShot):
        made["of"] = "element"
    return sha256(json.dumps(made, sort_keys=True).encode("ascii")).hexdigest()[:16]
