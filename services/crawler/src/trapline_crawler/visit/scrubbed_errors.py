"""What leaves a visit as an error holds no secret: it may end in the ledger, a log or an alert."""

from collections.abc import Iterator
from contextlib import contextmanager

from trapline_common.content.secret_finder import SecretFinder


@contextmanager
def scrubbed_errors(finder: SecretFinder) -> Iterator[None]:
    """Let every error through, with references in place of secrets in its text and in those of its causes."""
    try:
        yield
    except Exception as error:
        if finder:
            _scrub(error, finder)
        raise


def _scrub(first: BaseException, finder: SecretFinder) -> None:
    waiting: list[BaseException | None] = [first]
    seen: set[int] = set()
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        error.args = tuple(finder.scrub_again(part) if isinstance(part, str) else part for part in error.args)
        waiting += (error.__cause__, error.__context__)
