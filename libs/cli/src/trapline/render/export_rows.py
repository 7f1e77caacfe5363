"""Observations as NDJSON and as CSV, one a line, written as they come."""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Protocol, TextIO

from trapline.render.safe_text import printable, spreadsheet_cell
from trapline_common.domain.observation import Timings
from trapline_common.ledger.views.observations import ObservationRow
from trapline_common.platform.plain_json import json_line, plain, wire_size

_NESTED = ("timings", "fields", "text")
_PLAIN = tuple(field.name for field in fields(ObservationRow) if field.name not in _NESTED)
_TIMINGS = tuple(field.name for field in fields(Timings))


class Writable(Protocol):
    """The stream that rows are written to."""

    def write(self, text: str, /) -> object: ...


class CountedText:
    """Passes text on; ``size`` is how many bytes it takes in an answer of the operator function."""

    __slots__ = ("_out", "size")

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.size = 0

    def write(self, text: str, /) -> int:
        self.size += wire_size(text)
        return self._out.write(text)


class NdjsonRows:
    """One JSON object a line, fields and timings nested."""

    __slots__ = ("_ascii_only", "_out", "_text")

    def __init__(self, out: Writable, *, text: bool, ascii_only: bool) -> None:
        self._out = out
        self._text = text
        self._ascii_only = ascii_only

    def write(self, observation: ObservationRow) -> None:
        """Write one observation."""
        values = plain(observation)
        if not self._text:
            del values["text"]
        self._out.write(json_line(values, ascii_only=self._ascii_only))


class CsvRows:
    """A header, then a record each (RFC 4180 with LF): ``ms_*`` timings, ``field_*`` extracted fields, text last.

    ``flat``: control characters replaced, for a terminal.
    """

    __slots__ = ("_fields", "_flat", "_out", "_text")

    def __init__(self, out: Writable, *, fields: Sequence[str], text: bool, flat: bool, header: bool = True) -> None:
        self._out = out
        self._fields = fields
        self._text = text
        self._flat = flat
        names = [*_PLAIN, *(f"ms_{name}" for name in _TIMINGS), *(f"field_{name}" for name in fields)]
        if header:
            self._out.write(csv_record([*names, "text"] if text else names))

    def write(self, observation: ObservationRow) -> None:
        """Write one observation."""
        values = plain(observation)
        cells = [values[name] for name in _PLAIN]
        cells += [observation.timings.get(name) for name in _TIMINGS]
        cells += [observation.fields.get(name) for name in self._fields]
        if self._text:
            cells.append(observation.text)
        self._out.write(csv_record([self._cell(cell) for cell in cells]))

    def _cell(self, cell: object) -> object:
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if not isinstance(cell, str):
            return cell
        return spreadsheet_cell(printable(cell) if self._flat else cell)


def csv_record(cells: Sequence[object]) -> str:
    """Return the line of one record, with each cell quoted that holds a line break of either kind.

    ``csv`` quotes the characters of its own line end alone: with LF, a text's CR would stand there bare, and readers
    begin a new record at it.
    """
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"
