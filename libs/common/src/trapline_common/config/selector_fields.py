"""The types of the config's selectors: each is checked when the file is read, and not again in a run that is open."""

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from trapline_common.config.fields import Text, is_frozen
from trapline_common.config.selector import check_selector
from trapline_common.config.value_path import is_path, parse_path

_MOMENTS = frozenset({"commit", "domcontentloaded", "load", "networkidle", "networkidle0", "networkidle2"})
"""What Playwright and Puppeteer wait for: no element of HTML is called so."""


def _content(value: str, info: ValidationInfo) -> str:
    """Accept what names content: CSS for pages, XML and feeds, a path for JSON, CSV and text."""
    if is_frozen(info):
        return value
    if is_path(value):
        parse_path(value)
        return value
    return check_selector(value)


def _element(value: str, info: ValidationInfo) -> str:
    if is_frozen(info):
        return value
    if value.strip().lower() in _MOMENTS:
        raise ValueError(f"{value!r} is no element of a page; `settle` says how long the page must rest")
    return check_selector(value)


def _in_step(value: str, info: ValidationInfo) -> str:
    if is_frozen(info):
        return value
    return check_selector(value, playwright=True)


ContentSelector = Annotated[Text, AfterValidator(_content)]
"""A CSS selector, or a path into a JSON, CSV or text document."""
ElementSelector = Annotated[Text, AfterValidator(_element)]
"""A CSS selector."""
StepSelector = Annotated[Text, AfterValidator(_in_step)]
"""A CSS selector of a step, in which Playwright's own pseudo-classes stand as well."""
