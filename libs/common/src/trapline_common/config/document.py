"""YAML as plain data with the line of every key and item.

Only scalars, lists and maps are made: no tag can name a class, no alias can multiply, and a key stands once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from trapline_common.config.problems import Path, Problem, dotted, refusal
from trapline_common.domain.storable_text import storable, text_fault

MAX_BYTES = 8 * 1024 * 1024
"""More than 100,000 URLs in one file; a longer list belongs in a sitemap."""
_MAX_VALUES = 200_000
_MAX_DEPTH = 30
_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset({"null", "bool", "int", "float"})
_TEXTS = frozenset({"str", "timestamp"})
"""A bare date is text here: no field of ours is a date."""
_COMMENT = re.compile(r"(?:[ \t]*:)?[ \t]+(#[^\s#].*)")
_HINTS = (
    (re.compile(r"^[^#]*\t", re.MULTILINE), "; YAML takes no tab there: write blanks in place of each tab"),
    (re.compile(r"[:,\[{-][ \t]+#[^\s#]"), "; # begins a comment: put a text that begins with # in quotes"),
    (re.compile(r"[:,\[{-][ \t]+[*&!@%`>|]"), "; put a text that begins with such a sign in quotes"),
    (re.compile(r"\[[^\]#]*\$\{"), "; put a text with ${ in quotes"),
)
"""What a person most likely meant, by a slip in the lines of a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one YAML file says, and where."""

    data: object
    """Maps, lists and scalars; ``None`` for a file without a document."""
    lines: dict[Path, int]
    """The line of each key and item, from 1."""
    problems: list[Problem]
    """The parts that the reader refused and that are not in ``data``: repeated keys, merge keys, tags."""
    comments: dict[Path, str] = field(default_factory=dict)
    """Comments that may have been meant as part of a value: behind an unquoted one, without a blank after the ``#``."""


def parse_document(text: str, name: str) -> Document:
    """Read one YAML 1.2 document. ``data`` is ``None`` when the text holds nothing.

    Raises ``InputRefusedError`` for YAML that can't be read at all.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        root: Node | None = yaml.compose(text)
        if root is None:
            return Document(data=None, lines={}, problems=[])
        reading = _Reading(yaml=yaml, text=text)
        data = reading.value(root, ())
        return Document(data=data, lines=reading.lines, problems=reading.problems, comments=reading.comments)
    except MarkedYAMLError as error:
        raise refusal(name, [_broken(error, text)]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refusal(name, [Problem(line=line, field="", reason=f"not valid YAML: {error.reason}")]) from error
    except RecursionError as error:
        raise refusal(name, [Problem(line=0, field="", reason="nested too deeply")]) from error
    except (YAMLError, ValueError) as error:
        raise refusal(name, [Problem(line=0, field="", reason=f"not valid YAML: {error}")]) from error


def _broken(error: MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    # what is missing is missed at the end, which is after the last line
    line = min(mark.line + 1, len(text.splitlines())) if mark else 0
    reason = " ".join(part for part in (error.context, error.problem) if part)
    begun = error.context_mark.line + 1 if error.context_mark else line
    where = f" (begun on line {begun})" if begun != line else ""
    around = "\n".join(text.splitlines()[min(begun, line) - 1 : max(begun, line)])
    hints = _HINTS if "\\t" in reason else _HINTS[1:]  # a tab within a value is no slip
    hint = next((hint for slip, hint in hints if slip.search(around)), "")
    return Problem(line=line, field="", reason=f"not valid YAML: {reason}{where}{hint}")


class _TooMuchError(YAMLError):
    """The aliases multiply to more values than any real file has."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One walk over the node graph."""

    yaml: YAML
    """Its constructor turns a scalar's text into a value."""
    text: str
    """The file's text, which the nodes' marks point into."""
    lines: dict[Path, int] = field(default_factory=dict)
    """Of the document, filled on the way."""
    problems: list[Problem] = field(default_factory=list)
    """Of the document, filled on the way."""
    comments: dict[Path, str] = field(default_factory=dict)
    """Of the document, filled on the way."""
    seen: int = 0
    """Values so far; an alias counts as often as it stands."""

    def value(self, node: Node, path: Path) -> object:
        self.seen += 1
        if self.seen > _MAX_VALUES or len(path) > _MAX_DEPTH:
            raise _TooMuchError(
                f"more than {_MAX_VALUES} values, or nested more than {_MAX_DEPTH} deep (aliases count)"
            )
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return {key: self.value(item, (*path, key)) for key, item in self._items(node, path)}
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and not node.style:
            self._look_behind(node.end_mark.index, path)
        return self._scalar(node, path)

    def _look_behind(self, at: int, path: Path) -> None:
        """Note a comment that may have been meant as part of the value at ``path``, which ends ``at``."""
        if (comment := _COMMENT.match(self.text, at)) is not None:
            self.comments[path] = comment[1].rstrip()

    def _items(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Node]]:
        first: dict[str, int] = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self._refuse(line, path, "a key must be plain text")
            elif (fault := text_fault(str(key.value))) is not None:
                self._refuse(line, path, f"the key {key.value!a} {fault}")
            elif str(key.tag).endswith(":merge"):
                self._refuse(line, path, "<< merge keys are not read; put what crawls share under `defaults`")
            elif key.value in first:
                self._refuse(line, (*path, key.value), f"stands twice; first on line {first[key.value]}")
            else:
                first[key.value] = line
                self.lines[*path, key.value] = line
                if item.value == "":  # nothing: its own place is where the next thing begins
                    self._look_behind(key.end_mark.index, (*path, key.value))
                yield key.value, item

    def _scalar(self, node: Node, path: Path) -> object:
        kind = str(node.tag).removeprefix(_TAG)
        fault = text_fault(str(node.value))
        if fault is not None:
            self._refuse(node.start_mark.line + 1, path, fault)
            return storable(str(node.value))  # so that no second problem is made of the first
        if kind in _TEXTS:
            return str(node.value)
        if kind in _SCALARS:
            value: object = self.yaml.constructor.construct_object(node)
            return value
        self._refuse(node.start_mark.line + 1, path, f"the tag {node.tag} is not read")
        return None

    def _refuse(self, line: int, path: Path, reason: str) -> None:
        self.problems.append(Problem(line=line, field=dotted(path), reason=reason))
