"""``trapline config FILE``: check a file, and print what every crawl comes to."""

from pathlib import Path

import typer

from trapline.commands.options import Json
from trapline.output_json import print_json
from trapline_common.config.effective import effective_yaml
from trapline_common.config.load import load_config
from trapline_common.config.schema import schema_text


def config(
    file: Path | None = typer.Argument(None, metavar="FILE", help="A crawls.yaml."),
    json: Json = False,
    schema: bool = typer.Option(False, "--schema", help="Print the JSON Schema of the file, for editors."),
) -> None:
    """Check a file and print its effective values, defaults filled in, as YAML. Secrets stay references.

    Exits with 2 when the file is refused, with a line per problem: file, line, field and reason.

    Examples:

      trapline config crawls.yaml
      trapline config crawls.yaml --json | jq '.crawls | keys'
      trapline config --schema > crawls.schema.json
    """
    if schema:
        if file is not None:
            raise typer.BadParameter("--schema takes no FILE")
        print(schema_text(), end="")
        return
    if file is None:
        raise typer.BadParameter("name a FILE, or use --schema")
    found = load_config(file)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        print(effective_yaml(found), end="")
