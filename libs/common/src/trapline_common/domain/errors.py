"""The exceptions of Trapline. The class says the reaction: retry, give up, hand back, blocked."""


class TraplineError(Exception):
    """Base of every exception raised on purpose."""


class InputRefusedError(TraplineError):
    """The user's input can't be used; nothing was done. The command line exits with 2.

    ``str()`` is one line per problem, each naming file, line, field and reason.
    """


class OtherReleaseError(InputRefusedError):
    """The ledger's schema is of another release than this one; nothing was read."""


class TransientError(TraplineError):
    """It may work when tried again: the caller re-raises it, so that the platform retries the event."""

    again_after: float | None = None
    """Seconds after which the other side wants to be asked again; ``None`` when it does not say."""


class RefusedError(TraplineError):
    """The other side refused for good; trying again can't help."""


class LeaseLostError(TraplineError):
    """The task or the invocation was given to another; nothing that this side holds may be written any more."""


class ConfigUnreadableError(TransientError):
    """This release can't read a run's frozen config; another one, which a deployment brings, may."""


class JobsFailedError(TraplineError):
    """Jobs of one tick raised, each for itself, and one of them something else than ``TransientError``."""


class ResultRefusedError(TraplineError):
    """The ledger refuses a visit's result for good: it holds a value that no column takes."""


class SecretUnreadableError(KeyError):
    """A secret is kept where it should be and can't be read; ``reason`` says why, and quotes nothing of it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.reason = reason


class LedgerUnavailableError(TransientError):
    """Postgres can't be reached, or went away in the middle; nothing that was under way was committed."""


class MessageRefusedError(TraplineError):
    """An event is no message of ours, or of a version this service does not accept; it is dropped with its reason."""


class UnreadableAnswerError(TraplineError):
    """A handler answered in a version or a shape that this release does not read; what it did may have been done."""
