"""Tables on terminals of any width, and in pipes."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from trapline.render.printer import Printer
from trapline.render.table_cells import Cell, Row
from trapline.render.table_layout import Column

COLUMNS = (
    Column(title="RUN", right=True),
    Column(title="CRAWL", flexible=True, least=12),
    Column(title="TRIES", right=True, spare=True),
    Column(title="URL", flexible=True, middle=True),
    Column(title="REASON", flexible=True, least=20),
    Column(title="NOTE", flexible=True, spare=True),
)
URL = "https://shop.example/" + "shelf/" * 12 + "lamp"
ROWS: tuple[Row, ...] = (
    ("7", "shop", 1200, URL, Cell(text="http_status: 500 Internal Server Error", style="red"), "retries run 6"),
    ("12", "docs", None, "https://docs.example/", "", None),
)


def shown(width: int | None, columns: tuple[Column, ...] = COLUMNS, rows: tuple[Row, ...] = ROWS) -> list[str]:
    """Return the lines of a table on a terminal of that width, without its styles; ``None``: in a pipe."""
    out = io.StringIO()
    terminal = {} if width is None else {"width": width, "force_terminal": True}
    console = Console(file=out, no_color=True, markup=False, highlight=False, **terminal)  # type: ignore[arg-type]
    Printer(console).table(columns, rows)
    return out.getvalue().replace("\x1b[1;2m", "").replace("\x1b[0m", "").splitlines()


def test_a_pipe_gets_whole_cells_in_columns() -> None:
    """In a pipe nothing is cut, numbers are aligned to the right, and no line ends in blanks."""
    assert shown(None) == [
        f"RUN  CRAWL  TRIES  {'URL':<97}  REASON                                  NOTE",
        f"  7  shop   1,200  {URL:<97}  http_status: 500 Internal Server Error  retries run 6",
        " 12  docs          https://docs.example/",
    ]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_terminal_gets_lines_that_fit(width: int) -> None:
    """No line is wider than the terminal; the end of a URL, which says most, is always there."""
    lines = shown(width)
    assert len(lines) == 3
    assert max(map(cell_len, lines)) <= width
    assert "/lamp" in lines[1]


def test_spare_columns_go_before_readable_ones_are_cut() -> None:
    """Where the terminal is narrow the last spare column goes first; the others stay."""
    assert shown(200)[0].split() == ["RUN", "CRAWL", "TRIES", "URL", "REASON", "NOTE"]
    assert shown(70)[0].split() == ["RUN", "CRAWL", "TRIES", "URL", "REASON"]
    assert shown(64)[0].split() == ["RUN", "CRAWL", "URL", "REASON"]


@pytest.mark.parametrize("width", [1, 20, 40])
def test_on_the_narrowest_terminal_no_other_column_disappears(width: int) -> None:
    """Where nothing fits, the terminal wraps whole lines: numbers are never cut, a URL keeps its end."""
    lines = shown(width)
    assert lines[0].split() == ["RUN", "CRAWL", "URL", "REASON"]
    assert lines[1].split()[:2] == ["7", "shop"]
    assert "…lamp" in lines[1] or "…/lamp" in lines[1]


def test_a_column_without_a_cell_is_not_shown() -> None:
    """A column whose cells are all empty takes no width; a table of nothing keeps its header."""
    assert shown(None, rows=(("1", "shop", None, URL, "", None),))[0].split() == ["RUN", "CRAWL", "URL"]
    assert shown(None, rows=())[0].split() == ["RUN", "CRAWL", "TRIES", "URL", "REASON", "NOTE"]


def test_wide_characters_are_counted_by_their_cells_and_never_split() -> None:
    """A title of wide characters is cut so that its columns still line up."""
    columns = (Column(title="PAGE", flexible=True, middle=True), Column(title="RUN", right=True))
    lines = shown(20, columns, (("価" * 30, "7"), ("a", "12")))
    assert [cell_len(line) for line in lines] == [20, 20, 20]
    assert lines[1] == "価価価…価価価      7"


def test_what_a_page_wrote_is_no_markup_and_no_escape_sequence() -> None:
    """A cell shows its brackets as they are, and every control character as U+FFFD, on one line."""
    (_, line) = shown(None, (Column(title="A"),), (("[bold]x[/bold]\x1b[31m\nnext :smile:",),))
    assert line == "[bold]x[/bold]\N{REPLACEMENT CHARACTER}[31m next :smile:"
