"""How the crawls of one machine share its cores: a crawler for each two of them, with the pages of both.

Two crawlers on two cores load as many pages, and pay for a second browser, driver and Python: one crawler with six
pages takes 0.8 of the memory, and 0.73 to 0.82 of the processor time, of two with three (``docs/benchmarks.md``).
"""

from trapline_common.config.models import Config
from trapline_common.domain.capacity import PAGES_IN_FLIGHT
from trapline_machine.settings import RuntimeSettings

CORES_OF_A_CRAWLER = 2
"""Cores that one crawler can use: its Python and its driver have a thread each, beside what the browser does."""


def planned(config: Config, settings: RuntimeSettings) -> Config:
    """Return the crawls in lanes as this machine has them, with pages in flight where a lane leaves them out.

    A lane that says how many pages a crawler loads gets as many crawlers as fill the machine (``lanes.plan``).
    """
    crawlers = settings.most if settings.strict else -(-settings.cores // CORES_OF_A_CRAWLER)
    share = -(-settings.cores * PAGES_IN_FLIGHT // crawlers)
    pages = min(max(share, PAGES_IN_FLIGHT), CORES_OF_A_CRAWLER * PAGES_IN_FLIGHT)
    lanes = {
        name: lane if lane.pages_in_flight else lane.model_copy(update={"pages_in_flight": pages})
        for name, lane in config.on_one_machine.lanes.items()
    }
    return config.model_copy(update={"lanes": lanes})
