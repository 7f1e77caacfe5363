"""What of a sitemap a run leaves out, counted, and in one line for a person. Pure."""

from collections import Counter
from dataclasses import dataclass, field

from trapline_common.platform.text import counted

_EXAMPLES = 3
_SHOWN = 120
_LONGEST = 900


@dataclass(slots=True, kw_only=True)
class LeftOut:
    """Counts on the way; its truth is whether anything is left out."""

    entries: Counter[str] = field(default_factory=Counter)
    """Entries by reason."""
    examples: list[str] = field(default_factory=list)
    """The first such entries."""
    files: dict[str, str] = field(default_factory=dict)
    """Files of an index that could not be read, each with its reason: their pages are missing."""
    parts: dict[str, str] = field(default_factory=dict)
    """Files that could be read in part only, each with its reason."""
    limit: int | None = None
    """The crawl's ``limit``, when there is more than that."""

    def entry(self, why: str, entry: str) -> None:
        """Count an entry."""
        self.entries[why] += 1
        if entry and len(self.examples) < _EXAMPLES:
            self.examples.append(_short(entry))

    def file(self, url: str, why: str) -> None:
        """Count a file of an index."""
        self.files[url] = why

    def part(self, url: str, why: str) -> None:
        """Count a file that breaks off."""
        self.parts[url] = why

    def __bool__(self) -> bool:
        return bool(self.entries or self.files or self.parts or self.limit)

    @property
    def counts(self) -> dict[str, object]:
        """The numbers for a log, with the first examples."""
        return {
            "entries": dict(self.entries),
            "files": len(self.files),
            "parts": len(self.parts),
            "limit": self.limit,
            "examples": [*self.examples, *list(self.files.values())[:_EXAMPLES]],
        }

    def sentence(self) -> str | None:
        """Return one line; ``None`` where nothing is left out."""
        if not self:
            return None
        said = []
        if self.entries:
            reasons = ", ".join(f"{count:,} {why}" for why, count in self.entries.most_common())
            such = f"; such as {', '.join(self.examples)}" if self.examples else ""
            said.append(f"{counted(self.entries.total(), 'entry', 'entries')} ({reasons}{such})")
        if self.files:
            said.append(f"the pages of {counted(len(self.files), 'file')} of the index ({_first(self.files)})")
        if self.parts:
            said.append(f"the rest of {counted(len(self.parts), 'file')} ({_first(self.parts)})")
        if self.limit is not None:
            said.append(f"what comes after the first {self.limit:,} pages (`limit`)")
        return f"left out of the sitemap: {'; '.join(said)}"[:_LONGEST]


def _first(files: dict[str, str]) -> str:
    url, why = next(iter(files.items()))
    return _short(why) if why.startswith(url) else _short(f"{url}: {why}")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
