"""Serve the demo shop until interrupted: ``python -m tests.site.serve --port 0`` prints its URL.

Switch it while it runs, by ``POST /_control``:
``{"price": {"kettle": 2950}, "break": ["tent"], "mend": ["workshop"]}``.
"""

import argparse
import contextlib
import threading

from tests.site.server import DemoSite


def main() -> None:
    """Print the URL, then serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    with DemoSite(parser.parse_args().port) as site, contextlib.suppress(KeyboardInterrupt):
        print(site.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
