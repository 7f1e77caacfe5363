"""``trapline export RUN``: a run's observations, for other tools."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TextIO

import typer

from trapline.access.command_line import CommandLine, ExportPage
from trapline.access.ledger import existing, known_run
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, RunArgument
from trapline.render.export_file import Format, chosen_format, goes_to_file, whole_file
from trapline.render.export_rows import CountedText, CsvRows, NdjsonRows
from trapline.render.notes import note
from trapline_common.ledger.views.observations import observations
from trapline_common.ledger.views.runs import run_config
from trapline_common.platform.text import counted


def export(
    run: RunArgument,
    form: Format | None = typer.Option(
        None,
        "--format",
        "-f",
        help="ndjson: a JSON object a line; csv. Default: csv where FILE ends in .csv, else ndjson.",
    ),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        metavar="FILE",
        dir_okay=False,
        allow_dash=True,
        help="Write to this file; - is standard output, the default.",
    ),
    text: bool = typer.Option(True, "--text/--no-text", help="With the watched text of each page, or without it."),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a run's observations, one per visited page, with their extracted fields, for other tools.

    Timings are milliseconds, sizes bytes, times ISO 8601 in UTC. In CSV each field and each timing is a column of its
    own (field_price, ms_load). A text that a spreadsheet could run as a formula, or that begins with ', gets a ' before
    it: drop one ' from each cell that begins with one. A FILE appears only when it is whole.

    Exits with 0 when every observation is written, 2 when there is no such run or FILE can't be written.

    Examples:

      trapline export 7 | jq -r '[.url, .fields.price] | @tsv'
      trapline export 7 --no-text -o run7.csv
      trapline export 7 --env prod -o run7.ndjson
    """
    page = CommandLine.current().page
    asyncio.run(_export(run, chosen_format(form, output), output, page, text=text, data_dir=data_dir, url=database_url))


async def _export(
    run_id: int,
    chosen: Format,
    output: Path | None,
    page: ExportPage | None,
    *,
    text: bool,
    data_dir: Path,
    url: str | None,
) -> None:
    """Write the run's observations, or the page of them; then say in ``page`` where it ended."""
    to_file = goes_to_file(output)
    async with existing(data_dir, url) as database:
        await known_run(database, run_id)
        extracted = sorted((await run_config(database, run_id)).get("extract") or {})
        count, last = 0, page.after if page is not None else 0
        with whole_file(output) if output is not None and to_file else _stdout() as out:
            # A terminal obeys some characters beyond ASCII too; files and pipes keep what the page wrote.
            counted_out = CountedText(out)
            rows = (
                CsvRows(counted_out, fields=extracted, text=text, flat=out.isatty(), header=not last)
                if chosen is Format.CSV
                else NdjsonRows(counted_out, text=text, ascii_only=out.isatty())
            )
            async with aclosing(observations(database, run_id, after=last)) as found:
                async for observation in found:
                    if count and page is not None and counted_out.size > page.at_most:
                        page.more = True
                        break
                    rows.write(observation)
                    count, last = count + 1, observation.id
        if page is not None:
            page.last = last
    if to_file:
        note(f"{counted(count, 'observation')} written to {output}")


@contextmanager
def _stdout() -> Iterator[TextIO]:
    yield sys.stdout
    sys.stdout.flush()
