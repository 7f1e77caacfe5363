"""Who a process of this machine acts for, as people name it."""

import getpass
import socket


def this_user() -> str:
    """Return ``user@host``; of a user whom the machine does not know, as containers have, ``unknown@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
