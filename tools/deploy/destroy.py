"""`make destroy`: it says what protects an environment before it touches anything, and afterwards what stays."""

from tools.deploy.environments import Environment, is_careful
from tools.deploy.steps import Deploy
from tools.shell import ToolError, say


def destroy(deploy: Deploy) -> None:
    """Take the environment down, as ``refuse_protected`` let it. Raises ``ToolError``."""
    environment = deploy.environment
    deploy.announce(deploy.recorded())
    say(f"destroy: all of trapline-{environment.name} goes, the ledger and every artifact with it")
    deploy.root.destroy()
    environment.releases.unlink(missing_ok=True)  # nothing runs, so nothing is recorded
    say(stays(environment))


def refuse_protected(environment: Environment) -> None:
    """Raise ``ToolError`` with what to do first, where the database is protected from deletion."""
    settings, name = environment.settings, environment.name
    if settings.local_aws or not settings.protected:
        return
    confirmed = f" CONFIRM={name}" if is_careful(environment.name) else ""
    steps = [
        "take a snapshot of the database if you may want it again: none is made for you",
        f"set deletion_protection = false in `database` of {environment.tfvars.name} and commit",
        f"make apply ENV={name}{confirmed}",
    ]
    if not settings.disposable:
        steps.append(
            f"empty the bucket trapline-{name}-<account>-<region>, all versions, and the image repository"
            f" trapline-{name}/crawler: Terraform deletes neither while it holds anything"
        )
    steps.append(f"make destroy ENV={name}{confirmed}")
    listed = "".join(f"\n  {number}. {step}" for number, step in enumerate(steps, 1))
    raise ToolError(f"{name}'s database is protected from deletion. To give it up:{listed}")


def stays(environment: Environment) -> str:
    """Return what is still there after a destroy, and for how long."""
    disposable = environment.settings.disposable
    lines = [
        f"destroy: done, and terraform/envs/{environment.releases.name} went with it: commit that",
        f"  stays  the state's bucket, named in {environment.backend.name}: it is yours",
        f"  stays  the key, which AWS deletes in {7 if disposable else 30} days",
    ]
    if not disposable:
        lines.append("  stays  the secrets, for 30 days; their names are taken until then")
    return "\n".join(lines)
