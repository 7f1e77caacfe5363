"""One JSON value on standard output and nothing else."""

import json
import sys

from trapline_common.platform.plain_json import plain


def print_json(value: object) -> None:
    """Print ``value``. All but ASCII is escaped, so that nothing a page wrote reaches a terminal as it is."""
    sys.stdout.write(json.dumps(plain(value), indent=2) + "\n")
