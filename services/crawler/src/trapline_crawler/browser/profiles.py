"""Which switches make the browser run in which kind of place, as data."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Switches in addition to ``arguments.SWITCHES``.

    ``sandbox``: whether Chromium's own sandbox works there, for users who may use it. ``many_contexts``: whether one
    browser can hold more than one context in its life.
    """

    name: str
    switches: tuple[str, ...] = ()
    sandbox: bool
    many_contexts: bool


MACHINE = Profile(name="machine", sandbox=True, many_contexts=True)
"""A machine of one's own: Chromium as it is meant to be."""

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
"""Where no second process can start. A second context fails in such a browser, and a page that crashes ends it."""

FIXED = MappingProxyType({profile.name: profile for profile in (MACHINE, MULTI, SINGLE)})
"""What the setting ``TRAPLINE_BROWSER_PROFILE`` may name."""

AUTO = "auto"
"""The setting's other value: the first of ``CANDIDATES`` that passes a self-test at its first use."""

CANDIDATES = (MULTI, SINGLE)
