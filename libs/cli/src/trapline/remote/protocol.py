"""What goes to the operator function and what it answers. Pure."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.messages import VERSION, Message

MAX_ERRORS = 500_000
"""Bytes of standard error."""
MAX_ANSWER = 5_000_000
"""Bytes of output as JSON: a synchronous call's answer may have 6 MB ("Lambda quotas"), its own frame included."""
PAGE = 2_000_000
"""Bytes of one page of an export: a page ends behind the observation that passes it, and must stay below the above."""
MAX_ARGUMENTS = 100_000
"""Arguments of one command: ``add`` with a list of pages. The event itself may have 6 MB too."""
ZONE = "^[A-Za-z][A-Za-z0-9_+/-]{0,63}$"
"""What IANA's names look like."""

Argument = Annotated[str, Field(max_length=10_000)]


class Terminal(BaseModel):
    """What the caller's terminal is like. ``colour``: as Rich names colour systems, ``None`` for none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    width: Annotated[int, Field(ge=20, le=1000)] | None = None
    colour: str | None = Field(default=None, pattern="^(standard|256|truecolor)$")


class Call(Message):
    """One command. ``stdin`` is what it may read; ``terminal`` None: the output goes into a file or a pipe.

    ``zone``: IANA's name of the time zone in which tables show times.
    """

    command: tuple[Argument, ...] = Field(min_length=1, max_length=MAX_ARGUMENTS)
    stdin: str = ""
    terminal: Terminal | None = None
    zone: str | None = Field(default=None, pattern=ZONE)


class Answer(BaseModel):
    """What came of it, as a shell would have it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = VERSION
    exit: int
    stdout: str = ""
    stderr: str = ""


def parse_call(event: object) -> Call:
    """Read the function's event. Raises ``MessageRefusedError`` with the field and the reason."""
    try:
        return Call.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "event"
        raise MessageRefusedError(f"{where}: {first['msg']}") from error
