"""structlog as it is where rich is not installed: import it from here, before anything else imports it.

structlog imports rich wherever it finds it, to draw tracebacks with every local variable, which no log of ours may
show. The command has rich for its tables, so that each crawler process of one machine would pay for it at its start.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec


class _WithoutRich(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname == "rich":
            raise ModuleNotFoundError("rich is kept from structlog", name=fullname)
        return None


_finder = _WithoutRich()
sys.meta_path.insert(0, _finder)
try:
    import structlog
finally:
    sys.meta_path.remove(_finder)

__all__ = ["structlog"]
