"""What a command begins before it loads anything large: its libraries are loaded beside that.

Only ``trapline crawl`` has something that takes as long as the command's own start: its first crawler.
"""

from collections.abc import Sequence
from importlib import import_module

_BEGINS = {"crawl": "trapline_machine.process_start"}
"""By command: the module whose ``begin`` is called. To look it up among the entry points of what is installed, as
everything else of that distribution is, takes 38 ms, for which the crawler would start later."""
_ASKS_ONLY = frozenset({"-h", "--help"})


def begin_early(arguments: Sequence[str]) -> None:
    """Begin what the command that stands first needs. It ends with this process, whatever becomes of the command."""
    if not arguments or arguments[0] not in _BEGINS or _ASKS_ONLY.intersection(arguments):
        return
    try:
        begins = import_module(_BEGINS[arguments[0]])
    except ModuleNotFoundError:
        return  # the command stands without the runtime, and says itself what it lacks
    begins.begin()
