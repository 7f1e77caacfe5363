"""Cells of a CSV export: no text of a page is run as a formula, and every text can be read back."""

import csv
import io
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.render.export_rows import csv_record
from trapline.render.safe_text import spreadsheet_cell

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a\u208b\u2212"
"""ASCII, full-width, small, superscript and subscript forms, and the minus sign of typesetters."""
BEFORE = ["", " ", "\u00a0\u3000", "\t", "\r", "\n", "\r\n \t", "\u200b", "\ufeff", "\u2060\u00ad", "\x00\x1f",
          "\u202e", '"', "'", '"\u201c', "\uff02", "\u3164\u2800", "\u0301", '\ufeff " \u200b'
]  # fmt: skip
"""What a spreadsheet, or what hands it the file, may drop or show as nothing."""


def read_back(cell: str) -> str:
    """Return the text as the documentation says to read it."""
    return cell.removeprefix("'")


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("sign", SIGNS)
def test_no_form_of_a_formula_begins_a_cell(sign: str, before: str):
    """Whatever stands before it that a reader does not see, a formula's sign has a ``'`` before all of it."""
    text = f"{before}{sign}HYPERLINK(1)"
    ((cell,),) = csv.reader(io.StringIO(csv_record([spreadsheet_cell(text)]), newline=""))
    assert cell == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+5", "-5.25", "-.5", "+1e9", "-1E-3", "5", "", "price - 5", "a=b", "x@y.example", "\u20ac -5"])  # fmt: skip  # noqa: E501
def test_numbers_and_plain_texts_stay_as_they_are(text: str):
    """A number with its sign is a number to a spreadsheet too."""
    assert spreadsheet_cell(text) == text


@pytest.mark.parametrize("text", ["-1_0", "+inf", "-nan", "\t-5", "-5\n", "-\u0665", "+\uff15", "-5 ", "'5", "'=1", "\tx", "\nx"])  # fmt: skip  # noqa: E501
def test_what_only_looks_like_a_number_is_a_text(text: str):
    """What Python reads as a number a spreadsheet may not; a text's own ``'`` gets another one."""
    assert spreadsheet_cell(text) == f"'{text}"


@given(st.text(st.characters() | st.sampled_from(SIGNS + "'\"\t\r\n \u200b0123456789")))
def test_every_text_is_read_back(text: str):
    """Dropping one ``'`` from the cells that begin with one gives each text back; no cell begins with a sign."""
    cell = spreadsheet_cell(text)
    assert read_back(cell) == text
    number = cell.lstrip("+-").replace(".", "").replace("e", "").replace("E", "")
    assert normalize("NFKC", cell[:1]) not in {"=", "@", "+", "-"} or number.replace("+", "").replace("-", "").isdigit()


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", '"\r', ",\r"])
def test_no_text_begins_a_record_of_its_own(end: str):
    """A line break of any kind within a text stays within its cell, so that no line of it is a record's first cell."""
    cells = ["7", f"price{end}=HYPERLINK(1)", "end"]
    line = csv_record(cells)
    assert list(csv.reader(io.StringIO(line, newline=""))) == [cells]
    assert line.endswith(",end\n")
