"""Calls of the release before, whose `export` asked for pages in another way. The next release drops this file.

It asked with two hidden options, and read the end of a page from a line on standard error.
"""

from pydantic import ValidationError

from trapline.remote.protocol import Call, PageRequest, Performed
from trapline_common.domain.errors import MessageRefusedError

AFTER = "--after"
AT_MOST = "--at-most"


def asks_by_options(call: Call) -> bool:
    """Return whether the release before asks for a page of an export."""
    return call.command[0] == "export" and AT_MOST in call.command


def translated(call: Call) -> Call:
    """Return the same call in the words of this release. Raises ``MessageRefusedError`` where a number is missing."""
    kept: list[str] = []
    given: dict[str, str] = {}
    words = iter(call.command)
    for word in words:
        if word in {AFTER, AT_MOST}:
            given[word] = next(words, "")
        else:
            kept.append(word)
    try:
        page = PageRequest.model_validate({"after": given.get(AFTER, 0), "at_most": given[AT_MOST]})
    except ValidationError as error:
        raise MessageRefusedError(f"export: {AFTER} and {AT_MOST} take a number") from error
    return call.model_copy(update={"command": tuple(kept), "page": page})


def answered(performed: Performed) -> Performed:
    """Return the answer with the line in which the release before looks for the next page."""
    if performed.page is None or not performed.page.more:
        return performed
    line = f"export: more after {performed.page.last}\n"
    return performed.model_copy(update={"stderr": performed.stderr + line})
