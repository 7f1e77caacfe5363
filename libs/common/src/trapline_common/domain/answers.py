"""The answers of handlers, as models; each carries ``v``, as messages do. A caller reads one with ``read_answer``.

The names on the wire are those of the release before, whose answers had no ``v``: services deploy one at a time.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from trapline_common.domain.errors import MessageRefusedError, UnreadableAnswerError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import VERSION, WaveItem, first_problem


class Answer(BaseModel):
    """Unknown keys are ignored: a newer handler may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True)

    v: Literal[0, 1] = VERSION
    """The version of the answer: 0 is what the release before answered, without saying so; the handler sets it."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire; a key that means nothing here is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Refused(Answer):
    """The message itself was refused: it is none of ours, or asks for what can never be done. Nothing was done.

    A run whose pages are refused is something else: see ``Opened.pages_refused``.
    """

    reason: str = Field(validation_alias=AliasChoices("refused", "reason"), serialization_alias="refused")
    """The field and the reason, for a person; the handler sets it. On the wire it is ``refused``."""

    def body(self) -> dict[str, Any]:
        """Return the reason alone, without ``v``: the release before knows a refusal by its only key.

        The next release may add ``v``: this one reads a refusal with and without it.
        """
        return {"refused": self.reason}


class Opened(Answer):
    """What became of a ``Tick`` or an ``OpenRun``."""

    run_id: RunId
    """The run that the message opened, or that an earlier delivery of it had opened."""
    status: RunStatus
    """The run's status after this call; ``ended`` for one that was skipped or whose pages were refused."""
    repeated: bool = False
    """Whether the same tick or request had come before."""
    waits_for: RunId | None = None
    """The earlier run of the crawl that keeps this one waiting, or that it was skipped for; ``None``: none does."""
    pages_refused: str | None = Field(
        default=None,
        validation_alias=AliasChoices("refused", "pages_refused"),
        serialization_alias="refused",
    )
    """Why the run's pages could not be worked out for good, so that it ended; on the wire it is ``refused``."""
    tasks: int | None = None
    """How many tasks this call wrote; ``None`` when it wrote none, for another call did or the run waits."""
    asked: int | None = None
    """How many invocations the count asked for; ``None`` when this call wrote no tasks, so that none was counted."""


class Enqueued(Answer):
    """What became of an ``Enqueue``."""

    run_id: RunId
    """The run that the tasks were added to."""
    added: int
    """How many tasks are new; a page that the run had is not added again."""
    asked: int
    """How many invocations the count asked for."""


class Counted(Answer):
    """What became of a ``Count``."""

    asked: int
    """How many invocations the count asked for, in all the lanes that it counted."""


class Awaited(Answer):
    """What became of an ``Await``."""

    run_id: RunId
    """The run."""
    ended: bool
    """Whether the run had ended, so that its waiters were answered at once."""


class NextItem(Answer):
    """What became of a ``Next``."""

    item: WaveItem | None = None
    """The invocation that the child calls next; ``None``: no further one is needed."""

    def body(self) -> dict[str, Any]:
        """Return the item's event; ``null`` where there is none, for the machine's Choice looks at it."""
        return {"v": self.v, "item": None if self.item is None else self.item.event()}


class WaveGivenUp(Answer):
    """What became of a ``WaveEnded``."""

    orphaned: int
    """Invocations of the execution that it had not called: they ended, and are counted anew."""
    asked: int
    """How many invocations the count asked for."""


class Reaped(Answer):
    """What became of a ``Reap``, in numbers."""

    gone: int = 0
    """Invocations ended because their process on this machine had; 0 on AWS, where no service sees a process."""
    orphaned: int = 0
    """Invocations ended because they never started in time, or because their heartbeats stopped."""
    returned: int = 0
    """Tasks that went back, to be leased again."""
    poisoned: int = 0
    """Tasks that ended ``failed`` because every invocation that took them died."""
    ended: int = 0
    """Open runs ended that had no task left."""
    asked_again: int = 0
    """Invocations that Lambda was asked for once more, because its answer never came."""
    resumed: int = 0
    """Runs filled with tasks whose opening had been broken off, or waited for an earlier run."""
    asked: int = 0
    """Invocations that the count asked for."""
    archived: int = 0
    """Ended runs written to the archive."""
    retired: int = 0
    """Rows deleted because they ended longer ago than the retention says."""
    artifacts_deleted: int = 0
    """Versions of artifacts deleted because the ledger names them no more."""
    artifacts_put_again: int = 0
    """Artifacts stored anew, so that the bucket's own rule does not take what the ledger names."""
    answered: int = 0
    """Executions that were told the end of an invocation or a run that they waited for."""
    told: int = 0
    """Runs whose end was announced."""

    @property
    def counts(self) -> dict[str, int]:
        """Return the numbers by name, without the version of the answer, for a log or a person."""
        return self.model_dump(exclude={"v"})


class FailuresRecorded(Answer):
    """What became of a batch of the crawler's failure queue."""

    failed: int
    """Invocations that ended ``failed`` by it; a record about a duplicate delivery fails none."""
    ended: int
    """Open runs ended that had no task left."""


class Crawled(Answer):
    """What one invocation of the crawler did, in numbers of tasks."""

    done: int = 0
    """Tasks that ended ``done``."""
    failed: int = 0
    """Tasks that ended ``failed``."""
    retried: int = 0
    """Tasks given back for another attempt at a page that failed for now."""
    rescued: int = 0
    """Tasks given back, charged to their rescue budget, for no fault of the page."""
    handed_back: int = 0
    """Tasks given back unchanged, because the invocation had to end."""
    put_off: int = 0
    """Tasks given back until their host may be visited."""
    stale: int = 0
    """Writes that the fence refused: the task was another's by then."""
    shares: int = 0
    """Shares of tasks that the invocation leased."""
    lost: bool = False
    """Whether the invocation was taken away while it worked: orphaned, failed from outside, or cancelled; or ended
    because the ledger had not heard of it for too long."""
    duplicate: bool = False
    """Whether the event was delivered twice, or late, or for an invocation above its lane's lowered cap: then the
    invocation did nothing."""
    due: bool | None = None
    """Whether tasks wait for which the lane has room: the child execution that called asks for another invocation.
    ``None`` where none called."""


class Checked(Answer):
    """What works where the crawler runs, each with what is wrong; the ledger took its log-in, or the call failed."""

    profiles: dict[str, str | None]
    """Each profile of the browser by its name: why it failed its self-test, ``None`` where it passed."""
    seconds: dict[str, float]
    """By profile, from its launch to the end of its self-test."""


class Drained(Answer):
    """What one drain of the alert outbox came to."""

    sent: int = 0
    """Alerts that went out."""
    refused: int = 0
    """Alerts that no channel will ever take as they are; each was reported to operations."""
    released: int = 0
    """Alerts that could not go out for now; they are due again later."""
    messages: int = 0
    """Messages that went out: one carries several alerts of a crawl."""


class Relayed(Answer):
    """What became of one SNS event, or of one ``Deliver``, at the relay."""

    delivered: int
    """Messages that every chosen channel took."""
    dropped: int
    """Records that were no alert message of ours."""
    reason: str | None = None
    """Why a channel did not take a ``Deliver`` for now; left out when it did."""
    again_after: float | None = None
    """Seconds after which that channel wants to be asked again; left out when it does not say."""


class ChannelNames(Answer):
    """The chat channels that the relay has."""

    channels: tuple[str, ...]
    """Their names, as in the channels file."""


DispatcherAnswer = Opened | Awaited | Enqueued | Counted | NextItem | WaveGivenUp | Reaped | FailuresRecorded | Refused

A = TypeVar("A", bound=Answer)


def read_answer(kind: type[A], body: Mapping[str, Any]) -> A:
    """Read what a handler of this release, or of the one before, answered to a message whose answer is a ``kind``.

    Raises ``MessageRefusedError`` with the handler's reason when it refused the message, ``UnreadableAnswerError`` for
    an answer of another version or shape.
    """
    versioned = {"v": VERSION - 1, **body}
    try:
        if _is_refusal(versioned):
            raise MessageRefusedError(Refused.model_validate(versioned).reason)
        return kind.model_validate(versioned)
    except ValidationError as error:
        problem = first_problem(error)
        raise UnreadableAnswerError(f"an answer that this release can't read ({kind.__name__}: {problem})") from error


def accepted(kind: type[A], answer: Answer) -> A:
    """Return the answer of a handler in this process. Raises ``MessageRefusedError`` when the message was refused."""
    if isinstance(answer, Refused):
        raise MessageRefusedError(answer.reason)
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} is no answer to this message; {kind.__name__} is")
    return answer


def _is_refusal(body: Mapping[str, Any]) -> bool:
    """Tell a refused message from a run whose pages are refused (it has a run) and from a number of refused alerts."""
    return isinstance(body.get("refused"), str) and "run_id" not in body
