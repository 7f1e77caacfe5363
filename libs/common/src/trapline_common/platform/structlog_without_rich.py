"""structlog as it is where rich is not installed: import it from here, before anything else imports it.

structlog imports rich wherever it finds it, to draw tracebacks with every local variable, which no log of ours may
show. The command has rich for its tables: each crawler process of one machine would pay for it at its start, and the
command for the part of it that draws tracebacks.
"""

import sys

_kept = {name: sys.modules.pop(name) for name in ("rich",) if name in sys.modules}
sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way of saying that there is none
try:
    import structlog
finally:
    del sys.modules["rich"]
    sys.modules.update(_kept)

__all__ = ["structlog"]
