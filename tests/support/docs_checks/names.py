"""Checks that the files, modules and tests that the pages name exist."""

import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

from support.docs_checks.pages import pages
from tools.shell import ROOT

_FOLDERS = ("docs", "libs", "requirements", "services", "terraform", "tests", "tools")
_PACKAGES = tuple(path.name for glob in ("libs/*/src/*", "services/*/src/*") for path in ROOT.glob(glob))
_FILE = re.compile(r"^[\w./*-]+\.(?:py|sql|js|tf|md|toml|svg)$")
_FOLDER = re.compile(rf"^(?:{'|'.join((*_FOLDERS, *_PACKAGES))})(?:/[\w.*-]+)+/?$")
_MODULE = re.compile(r"^(?:trapline_\w+|docs|tools|tests)(?:\.\w+)+$|^trapline(?:\.\w+){2,}$")
_RUN_MODULE = re.compile(r"python -m (?P<module>(?:docs|tools|tests|trapline)[\w.]*)")
_TEST = re.compile(r"^(?P<name>[a-z0-9]+(?:_[a-z0-9]+){3,})(?P<rest>_?\.\.\.)?$")
_NAME_TESTS = frozenset({"docs/guarantees.md", "docs/web.md"})
"""Pages of guarantees."""
_MADE = re.compile(r"NNNN|\bENV\b|^terraform/envs/\w+\.releases\.tfvars\.json$")
"""Files that a person makes: a placeholder is in the name, or a deployment writes it."""


def unknown_paths() -> Iterator[str]:
    """Return each path that is neither one of the project's nor the end of one, as ``PAGE: PATH``."""
    for page in pages():
        if page.path.name == "CHANGELOG.md":  # it tells of files that a later release moved
            continue
        for span in page.spans:
            name = span.rstrip("/")
            if (_FILE.match(name) or _FOLDER.match(span)) and not _MADE.search(name) and not _is_path(name):
                yield f"{page.name}: {span}"


def unknown_modules() -> Iterator[str]:
    """Return each dotted name that can't be imported, as ``PAGE: NAME``."""
    for page in pages():
        for span in page.spans:
            if _MODULE.match(span) and not _is_importable(span):
                yield f"{page.name}: {span}"
        for found in _RUN_MODULE.finditer("\n".join((*page.spans, *page.lines))):
            if importlib.util.find_spec(found["module"]) is None:
                yield f"{page.name}: {found['module']}"


def unknown_tests() -> Iterator[str]:
    """Return each test that a page of guarantees names and no test file has, as ``PAGE: TEST``."""
    names = frozenset(
        name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"def test_(\w+)\(", path.read_text())
    )
    for page in pages():
        if page.name in _NAME_TESTS:
            for span in page.spans:
                if (found := _TEST.match(span)) and not _is_test(found["name"], bool(found["rest"]), names):
                    yield f"{page.name}: {span}"


def _is_test(name: str, is_beginning: bool, names: frozenset[str]) -> bool:
    return name in names or (is_beginning and any(each.startswith(name) for each in names))


@cache
def _paths() -> frozenset[str]:
    """Return every file and folder of the project, from the root, each with every ending of its path."""
    found = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    whole = {path.relative_to(ROOT).as_posix() for path in found} | {path.name for path in ROOT.iterdir()}
    return frozenset(path.split("/", skipped)[-1] for path in whole for skipped in range(path.count("/") + 1))


def _is_path(name: str) -> bool:
    name = name.removeprefix("../")
    return name in _paths() or ("*" in name and any(fnmatchcase(path, name) for path in _paths()))


def _is_importable(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
