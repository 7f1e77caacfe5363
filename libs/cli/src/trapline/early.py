"""What a command begins before it loads anything large: its libraries are loaded beside that.

Only ``trapline crawl`` has something that takes as long as the command's own start: its first crawler.
"""

from collections.abc import Callable, Sequence

GROUP = "trapline.early"
"""The entry points, by command, of what a distribution begins; ``trapline-machine`` has one."""
_COMMANDS = frozenset({"crawl"})
_ASKS_ONLY = frozenset({"-h", "--help"})


def begin_early(arguments: Sequence[str]) -> None:
    """Begin what the command that stands first needs. It ends with this process, whatever becomes of the command."""
    if not arguments or arguments[0] not in _COMMANDS or _ASKS_ONLY.intersection(arguments):
        return
    from importlib.metadata import entry_points

    for found in entry_points(group=GROUP, name=arguments[0]):
        begin: Callable[[], None] = found.load()
        begin()
