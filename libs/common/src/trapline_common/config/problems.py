"""The problems of a config file: each one line that names file, line, field and reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trapline_common.domain.errors import InputRefusedError

Path = tuple[str | int, ...]
"""Keys and list indexes from the top of the file."""
_SHOWN = 50
"""Problems listed; the rest are counted, so that one slip in 5,000 URLs stays readable."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong, ordered by where it stands."""

    line: int
    """From 1; 0 when the file as a whole is meant."""
    field: str
    """The path as a person writes it, ``crawls.docs.urls[3]``; empty when the file as a whole is meant."""
    reason: str
    """The mistake and, where it is known, what is valid."""

    def text(self, file: str) -> str:
        """Return ``file:line: field: reason``, without the parts that are not known, never more than one line."""
        where = f"{file}:{self.line}" if self.line else file
        text = f"{where}: {self.field}: {self.reason}" if self.field else f"{where}: {self.reason}"
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def dotted(path: Path) -> str:
    """Return ``crawls.docs.urls[3]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def at(path: Path, lines: Mapping[Path, int], reason: str) -> Problem:
    """Return the problem with the line of ``path``, or of the nearest thing around it that is in the file."""
    known = path
    while known and known not in lines:
        known = known[:-1]
    return Problem(line=lines.get(known, 0), field=dotted(path), reason=reason)


def refusal(file: str, problems: Iterable[Problem]) -> InputRefusedError:
    """Return the exception that carries all problems, by line."""
    lines = [problem.text(file) for problem in sorted(set(problems))]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"{file}: and {len(lines) - _SHOWN} more problems"]
    return InputRefusedError("\n".join(lines))
