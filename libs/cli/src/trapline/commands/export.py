"""``trapline export RUN``: a run's observations, for other tools."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import typer

from trapline.commands.access import existing, known_run
from trapline.commands.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, RunArgument
from trapline.output import note
from trapline.output_rows import CsvRows, NdjsonRows
from trapline.output_units import counted
from trapline_common.errors import InputRefusedError
from trapline_common.store import reads
from trapline_common.store.reads_pages import observations


class Format(StrEnum):
    """How observations are written."""

    NDJSON = "ndjson"
    CSV = "csv"


def export(
    run: RunArgument,
    form: Format | None = typer.Option(
        None, "--format", "-f", help="By default what the ending of FILE says, else ndjson."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", metavar="FILE", dir_okay=False, allow_dash=True, help="Write here instead."
    ),
    text: bool = typer.Option(True, "--text/--no-text", help="With or without the watched text of each page."),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a run's observations, one a line, with their extracted fields.

    In CSV each field and each timing is a column of its own (field_price, ms_load), and a cell that a spreadsheet would
    run as a formula begins with '. FILE appears only when it is whole.

    Examples:

      trapline export 7 | jq -r '[.url, .fields.price] | @tsv'
      trapline export 7 --no-text -o run7.csv
    """
    asyncio.run(_export(run, form, output, text=text, data_dir=data_dir, url=database_url))


async def _export(
    run_id: int, form: Format | None, output: Path | None, *, text: bool, data_dir: Path, url: str | None
) -> None:
    to_file = output is not None and str(output) != "-"
    chosen = form or (Format.CSV if output is not None and output.suffix.lower() == ".csv" else Format.NDJSON)
    async with existing(data_dir, url) as database:
        await known_run(database, run_id)
        extracted = sorted((await reads.run_config(database, run_id)).get("extract", {}))
        count = 0
        with _file(output) if output is not None and to_file else _stdout() as out:
            # A terminal obeys some characters beyond ASCII too; files and pipes keep what the page wrote.
            rows = (
                CsvRows(out, fields=extracted, text=text, flat=out.isatty())
                if chosen is Format.CSV
                else NdjsonRows(out, text=text, ascii_only=out.isatty())
            )
            async with aclosing(observations(database, run_id)) as found:
                async for observation in found:
                    rows.write(observation)
                    count += 1
    if to_file:
        note(f"{counted(count, 'observation')} written to {output}")


@contextmanager
def _stdout() -> Iterator[TextIO]:
    yield sys.stdout
    sys.stdout.flush()


@contextmanager
def _file(path: Path) -> Iterator[TextIO]:
    """Write to a neighbour of ``path`` and put it in place at the end, so that nobody reads half an export."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise InputRefusedError(f"{path}: can't be written: {error.strerror}") from error
    whole = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as out:
            yield out
        umask = os.umask(0)
        os.umask(umask)
        whole.chmod(0o666 & ~umask)  # mkstemp's own 0600 would surprise the tools that read it
        whole.replace(path)
    except BaseException:
        whole.unlink(missing_ok=True)
        raise
