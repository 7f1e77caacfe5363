"""Which switches make the browser run on which kind of system, as data."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the browser is launched on one kind of system."""

    name: str
    """What the setting ``TRAPLINE_BROWSER_PROFILE`` calls it."""
    switches: tuple[str, ...] = ()
    """Switches in addition to ``launch_options.SWITCHES``."""
    sandbox: bool
    """Whether Chromium's own sandbox works there, for users who may use it."""
    many_contexts: bool
    """Whether one browser can hold more than one context in its life."""


MACHINE = Profile(name="machine", sandbox=True, many_contexts=True)
"""A machine of one's own: Chromium's own defaults."""

_NO_FORKS = (
    # What surrounds a function on Lambda is its sandbox: it refuses the namespaces that Chromium's own would need.
    "--no-zygote",  # renderers are started, not forked from a zygote, which is refused there
    "--in-process-gpu",  # --disable-gpu alone still starts a GPU process, which fails to start there
    "--disable-gpu",
    "--disable-dev-shm-usage",  # there is no /dev/shm
)

MULTI = Profile(name="multi", switches=_NO_FORKS, sandbox=False, many_contexts=True)
"""Lambda: one process for browser and GPU, one for each renderer, so a page that crashes takes no other with it."""

SINGLE = Profile(name="single", switches=(*_NO_FORKS, "--single-process"), sandbox=False, many_contexts=False)
"""FALLBACK where no second process can start. There is no evidence from real Lambda that any function needs it.

A second context fails in such a browser (``visitors.browser_per_context``), and a page that crashes ends it.
"""

FIXED = MappingProxyType({profile.name: profile for profile in (MACHINE, MULTI, SINGLE)})
"""What the setting ``TRAPLINE_BROWSER_PROFILE`` may name."""

AUTO = "auto"
"""The setting's other value: the first of ``CANDIDATES`` that passes a self-test at its first use."""

CANDIDATES = (MULTI, SINGLE)
"""In the order in which they are tried."""
