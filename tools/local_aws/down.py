"""`make down`: ends the local AWS and everything that `make up` started, by id. Safe to run again."""

from tools.local_aws import system
from tools.shell import main_guard, say


def main() -> int:
    """End it; the logs and alerts stay where they are."""
    say("down: the local AWS has ended" if system.stop(system.FOLDER) else "down: no local AWS runs here")
    return 0


if __name__ == "__main__":
    main_guard(main)
