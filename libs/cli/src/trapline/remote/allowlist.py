"""Which commands the functions of a deployment perform. Pure; the command line refuses the others before it calls."""

from collections.abc import Collection, Sequence

ALLOWED = frozenset(
    {
        "accept",
        "ack",
        "add",
        "alert",
        "artifact",
        "cancel",
        "config",
        "diff",
        "export",
        "forget",
        "invocations",
        "migrate",
        "mute",
        "mutes",
        "reap",
        "retry",
        "run",
        "runs",
        "show",
        "status",
        "tasks",
        "unmute",
        "view",
        "visit",
    }
)
"""They read the ledger, or work on it."""
LOOKING = frozenset({"artifact", "view"})
"""What the reader function performs: screens, and addresses of pictures."""
ACTING = frozenset({"accept", "ack", "alert", "cancel", "mute", "retry", "run", "unmute", "visit"})
"""Those that note in the ledger who did it."""
_REFUSED = {
    "crawl": "it crawls on this machine; `trapline run NAME --env ENV` opens a run in a deployment",
    "report": "it writes a file on this machine; `trapline report RUN -o FILE --env ENV` reads a deployment",
    "web": "it serves on this machine; `trapline web --env ENV` shows a deployment",
    "serve": "it keeps schedules on this machine; EventBridge keeps those of a deployment",
    "try": "it starts a browser on this machine, and needs no deployment",
}
_OPTIONS = ("--data-dir", "--database-url", "--postgres-bin", "--env", "--output", "-o")
"""They speak of the caller's own machine, or of another database than the deployment's."""


def refusal(command: Sequence[str], *, performed: Collection[str] = ALLOWED) -> str | None:
    """Return why this command line is not performed in a deployment; ``None`` when it is.

    ``performed``: the commands of the function that is asked.
    """
    name, *rest = command
    if name in ALLOWED and name not in performed:
        return f"{name}: the reader function performs {' and '.join(sorted(performed))} alone; the operator, the rest"
    if name in _REFUSED:
        return f"{name}: {_REFUSED[name]}"
    if name not in ALLOWED:
        return f"{name[:100]}: no command that a deployment performs; they are {', '.join(sorted(ALLOWED))}"
    options = rest[: rest.index("--")] if "--" in rest else rest
    for option in options:
        if option.partition("=")[0] in _OPTIONS or (option.startswith("-o") and name == "export"):
            return f"{name}: {option.partition('=')[0]} has no meaning in a deployment"
    if name == "config" and any(not option.startswith("-") for option in rest):
        return "config: a deployment shows the file that it was deployed with; name no FILE"
    return None
