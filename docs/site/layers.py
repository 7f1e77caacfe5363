"""The picture of the layers, as SVG, drawn from the import contracts in ``pyproject.toml``."""

import ast
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tools.shell import ROOT

WIDTH = 920
"""Pixels, the whole picture."""
_MARGIN = 16
_TITLE = 26
_ROW = 30
_GAP = 8
_LETTER = 7.0
"""Pixels; about the width of a letter at the size of a package's name."""
_DESCRIBED = 400
"""Pixels; a box at least this wide also shows what the package is for."""

_STYLE = """\
<style>
text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.name { font-size: 13px; text-anchor: middle }
.left { font-size: 13px }
.note { font-size: 13px; fill: #52606d }
.distribution { fill: #eef2f7; stroke: #9aa5b1 }
.box { fill: #ffffff; stroke: #b8c2cc }
</style>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What the contracts of type ``layers`` say. The first row of each stack may import those below it."""

    distributions: Sequence[Sequence[str]]
    """Rows of distributions from top to bottom; those in one row do not import each other."""
    packages: Mapping[str, Sequence[Sequence[str]]]
    """For a distribution with a contract of its own: rows of the packages in it, from top to bottom."""


def read_layers() -> Layers:
    """Return the layers as ``pyproject.toml`` has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    distributions: list[list[str]] = []
    packages: dict[str, Sequence[Sequence[str]]] = {}
    for contract in settings["contracts"]:
        if contract["type"] == "layers":
            rows = [_siblings(row) for row in contract["layers"]]
            if "containers" in contract:
                packages |= dict.fromkeys(contract["containers"], rows)
            else:
                distributions = rows
    return Layers(distributions=distributions, packages=packages)


def _siblings(row: Any) -> list[str]:
    return [name.strip("() ") for name in str(row).replace(":", "|").split("|")]


def layers_picture() -> str:
    """Return the SVG."""
    layers = read_layers()
    parts: list[str] = []
    top = 2 * _MARGIN + _GAP
    for row in layers.distributions:
        width = (WIDTH - 2 * _MARGIN - _GAP * (len(row) - 1)) / len(row)
        wrapped = {name: _wrap(layers.packages.get(name, ()), width - 2 * _GAP) for name in row}
        height = _TITLE + _GAP + max(len(rows) for rows in wrapped.values()) * _ROW
        for column, name in enumerate(row):
            parts += _distribution(
                name, wrapped[name], x=_MARGIN + column * (width + _GAP), y=top, width=width, height=height
            )
        top += height + 2 * _GAP
    note = "A box imports only what is below it. Boxes side by side do not import each other."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:g}" role="img" aria-label="{note}">',
            _STYLE,
            f'<rect width="{WIDTH}" height="{top:g}" rx="8" fill="#ffffff"/>',
            f'<text class="note" x="{_MARGIN}" y="24">{note}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _wrap(rows: Sequence[Sequence[str]], width: float) -> list[list[str]]:
    """Break a row whose names do not fit beside one another into several."""
    wrapped: list[list[str]] = []
    for row in rows:
        line: list[str] = []
        for name in row:
            longest = max(len(each) for each in [*line, name])
            if line and (longest * _LETTER + 2 * _GAP) * (len(line) + 1) > width:
                wrapped.append(line)
                line = []
            line.append(name)
        wrapped.append(line)
    return wrapped


def _distribution(
    name: str, rows: Sequence[Sequence[str]], *, x: float, y: float, width: float, height: float
) -> list[str]:
    parts = [
        f'<rect class="distribution" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>',
        f'<text class="title" x="{x + _GAP:g}" y="{y + 19:g}">{escape(name)}</text>',
    ]
    for line, row in enumerate(rows):
        box = (width - 2 * _GAP - 4 * (len(row) - 1)) / len(row)
        for column, each in enumerate(row):
            left = x + _GAP + column * (box + 4)
            parts += _box(name, each, x=left, y=y + _TITLE + 4 + line * _ROW, width=box)
    return parts


def _box(distribution: str, name: str, *, x: float, y: float, width: float) -> list[str]:
    box = f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{_ROW - 5}" rx="4"/>'
    if width < _DESCRIBED:
        return [box, f'<text class="name" x="{x + width / 2:g}" y="{y + 17:g}">{escape(name)}</text>']
    return [
        box,
        f'<text class="left" x="{x + _GAP:g}" y="{y + 17:g}">{escape(name)}</text>',
        f'<text class="note" x="{x + 90:g}" y="{y + 17:g}">{escape(_purpose(distribution, name))}</text>',
    ]


def _purpose(distribution: str, name: str) -> str:
    """Return the first sentence of a package's docstring. Read, not imported: the picture needs no code to run."""
    found = next((path for path in ROOT.glob(f"*/*/src/{distribution}/{name}/__init__.py")), None)
    found = found or next(ROOT.glob(f"*/*/src/{distribution}/{name}.py"))
    docstring = ast.get_docstring(ast.parse(found.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition(". ")[0].split()).removesuffix(".")
