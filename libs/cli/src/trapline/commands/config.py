"""``trapline config FILE``: check a file, and print what every crawl comes to."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import typer

from trapline.access.options import DEFAULT_DATA_DIR, DataDir, Json
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.config.document import parse_document
from trapline_common.config.effective import effective_yaml
from trapline_common.config.load import decode, load_config
from trapline_common.config.models import Config
from trapline_common.config.problems import at, refusal
from trapline_common.config.schedule import never_again
from trapline_common.config.schema import schema_text


def config(
    file: Path | None = typer.Argument(None, metavar="FILE", help="The crawls.yaml to check."),
    json: Json = False,
    check: bool = typer.Option(False, "--check", help="Print nothing: the exit code says whether it can be used."),
    schema: bool = typer.Option(False, "--schema", help="Print the JSON Schema of the file, for editors."),
    data_dir: DataDir = DEFAULT_DATA_DIR,  # noqa: ARG001  (where `--env local` finds the local AWS)
) -> None:
    """Check a crawls.yaml and print its effective values, all defaults filled in, as YAML; secrets stay references.

    Durations in YAML have a unit (30s, 24h); in JSON they are seconds. With --env it shows the file that was deployed;
    name no FILE then. The orchestrator of a lane is that of a deployment: on one machine every lane is `self`.

    Exits with 0 when the file can be used, 2 when it is refused, with a line per problem: file, line, field and reason.
    With --check that is all it says.

    Examples:

      trapline config crawls.yaml
      trapline config crawls.yaml --json | jq '.crawls | keys'
      trapline config --check crawls.yaml && git commit crawls.yaml
      trapline config --schema > crawls.schema.json
      trapline config --env prod
    """
    if schema:
        if file is not None or check:
            raise typer.BadParameter("--schema takes no FILE and no --check")
        print(schema_text(), end="")
        return
    found = asyncio.run(_deployed()) if file is None else _checked(file)
    if check:
        return
    if file is not None and found != found.on_one_machine:
        note("on one machine every lane is `self`: its crawlers are processes that Trapline starts")
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        print(effective_yaml(found), end="")


def _checked(file: Path) -> Config:
    """Return the file's config. Raises ``InputRefusedError`` for a schedule that is over, too."""
    found, now = load_config(file), datetime.now(UTC)
    over = {
        name: reason
        for name, crawl in found.crawls.items()
        if crawl.schedule and crawl.enabled and (reason := never_again(crawl.schedule, crawl.timezone, now))
    }
    if over:
        lines = parse_document(decode(file.read_bytes(), str(file)), str(file)).lines
        raise refusal(str(file), [at(("crawls", name, "schedule"), lines, reason) for name, reason in over.items()])
    return found


async def _deployed() -> Config:
    """Return the config of the deployment in whose operator function this runs."""
    url = os.environ.get("TRAPLINE_CONFIG", "")
    if not url.startswith("s3://"):
        raise typer.BadParameter("name a FILE, or use --schema")
    from trapline.access.deployment.config_file import read_deployed_config  # late: boto3 costs 0.4 s of CPU

    return await read_deployed_config(url)
