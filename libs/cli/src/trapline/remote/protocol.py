"""The message that goes to the operator function and the answer that comes back. Pure."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trapline_common.domain.answers import Answer
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.messages import Message, first_problem
from trapline_common.domain.storable_text import first_fault

MAX_ERRORS = 500_000
"""Bytes of standard error."""
MAX_ANSWER = 5_000_000
"""Bytes of output as JSON: a synchronous call's answer may have 6 MB ("Lambda quotas"), its own frame included."""
TOO_LARGE = "the output is larger than Lambda carries (6 MB); ask for less, for example with --limit, --run or --crawl"
"""The reason in the answer to a command whose output passes the above."""
PAGE = 2_000_000
"""Bytes of one page of an export, which ends behind the observation that passes them; it stays below ``MAX_ANSWER``."""
MAX_ARGUMENTS = 100_000
"""Arguments of one command: ``add`` with a list of pages. The event itself may have 6 MB too."""
ZONE = "^[A-Za-z][A-Za-z0-9_+/-]{0,63}$"
"""What IANA's names look like."""

Argument = Annotated[str, Field(max_length=10_000)]


class Terminal(BaseModel):
    """The caller's terminal."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    width: Annotated[int, Field(ge=20, le=1000)] | None = None
    """Characters in a line; ``None``: not known."""
    colour: str | None = Field(default=None, pattern="^(standard|256|truecolor)$")
    """The colour system, as Rich names it; ``None``: no colours."""


class PageRequest(BaseModel):
    """The part of an export that one answer is to carry."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """The observation behind which it begins; 0 for the first page."""
    at_most: Annotated[int, Field(ge=1)] = PAGE
    """Bytes of the answer behind which it ends, with the observation that passes them."""


class PageEnd(BaseModel):
    """Where a page of an export ended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    last: int
    """The last observation in it; the next page begins behind it."""
    more: bool
    """Whether there is a next page."""


class Call(Message):
    """One command."""

    command: tuple[Argument, ...] = Field(min_length=1, max_length=MAX_ARGUMENTS)
    """The command line, the command's name first."""
    stdin: str = ""
    """The text that the command may read from standard input."""
    terminal: Terminal | None = None
    """The terminal that shows the output; ``None``: the output goes into a file or a pipe."""
    zone: str | None = Field(default=None, pattern=ZONE)
    """IANA's name of the time zone in which tables show times; ``None``: UTC."""
    page: PageRequest | None = None
    """Of ``export``: the part that is wanted; ``None``: all of it. The release before does not know this key, and
    answers with all of it, or with an error if that is more than an answer carries."""
    acted_by: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Who asks: the ARN that STS names for the caller's credentials. It is told, not proven: CloudTrail has the proof.
    The release before does not know this key."""


class Performed(Answer):
    """The outcome of a command, as a shell has it, and structured data beside its streams."""

    exit: int
    """The exit code."""
    stdout: str = ""
    """The text on standard output."""
    stderr: str = ""
    """The text on standard error."""
    page: PageEnd | None = None
    """Of a page of an export: where it ended; ``None`` for every other command, and from the release before."""


def parse_call(event: object) -> Call:
    """Read the function's event. Raises ``MessageRefusedError`` with the field and the reason."""
    fault = first_fault(event)
    if fault is not None:
        raise MessageRefusedError(fault)
    try:
        return Call.model_validate(event)
    except ValidationError as error:
        raise MessageRefusedError(first_problem(error, whole="event")) from error
