"""``crawls.yaml`` -> ``Config``. Bad input is refused with every problem named, before anything runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from trapline_common.config.document import MAX_BYTES, Document, parse_document
from trapline_common.config.inherit import inherit
from trapline_common.config.models import Config, CrawlConfig, LaneConfig
from trapline_common.config.problems import Path, Problem, at, refusal
from trapline_common.config.rules import Broken, broken_lane_rules, broken_rules
from trapline_common.config.secrets import NOT_IN_THE_USER_AGENT, malformed, secret_names
from trapline_common.config.suggest import did_you_mean
from trapline_common.config.validation import validated

OWN = frozenset({"name", "urls", "sitemap", "include", "exclude"})
"""Fields that say which pages: each crawl's own, never inherited."""
_TOP = ("defaults", "lanes", "crawls")
_HOLD_SECRETS = frozenset({"headers", "cookies", "expect", "steps"})
"""Where the crawler resolves ``${secret:NAME}``; anywhere else the reference itself would be used, as it stands."""
_SELECTORS = frozenset({"extract", "ignore", "logged_in_check", "wait_for", "watch"})
"""Fields of selectors, whose type refuses every ``${``."""
_IN_SELECTORS = frozenset({"attribute", "contains", "pattern", "url"})
"""Keys in these that are no selectors."""
_MAY_HOLD_BRACES = frozenset({"contains", "pattern"})
"""Keys of what a page shows, which may hold a ``${``; so may all of ``expect``."""
_OTHER_REFERENCE = re.compile(r"\$\{[^}]*\}?")
_TEXT_FIELDS = """
    cookies exclude expect extract headers ignore include logged_in_check sitemap steps urls user_agent
    wait_for watch
"""
_TEXTS = frozenset(_TEXT_FIELDS.split())
"""Fields of free text, in which a ``#`` is more likely part of the value than a comment without a blank."""
_NO_TEXTS = frozenset({"status", "all"})
_CHECKED_BY_THEIR_TYPE = frozenset({"headers", "cookies", "user_agent", "urls", "sitemap", "steps"})
"""Fields whose own types look for malformed references, so that each is reported once."""


def load_config(path: FilePath) -> Config:
    """Read and check the file. Raises ``InputRefusedError``: a line per problem, each naming file, line and field."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _refused(name, "no such file") from error
    except IsADirectoryError as error:
        raise _refused(name, "a directory, not a file; name the file in it, such as crawls.yaml") from error
    except OSError as error:
        raise _refused(name, f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise _refused(name, f"not a file name: {error}") from error
    return parse_config(decode(data, name), name)


def decode(data: bytes, name: str) -> str:
    """Return the file's text. Raises ``InputRefusedError`` when it is not UTF-8, or more than 8 MiB."""
    if len(data) > MAX_BYTES:
        raise _refused(name, f"larger than {MAX_BYTES // 1024 // 1024} MiB; list so many pages in a sitemap")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: {error.reason} at byte {error.start}"
        raise refusal(name, [Problem(line=line, field="", reason=reason)]) from error


def parse_config(text: str, name: str) -> Config:
    """Check the text of a ``crawls.yaml``; ``name`` is what the problems call it. Raises ``InputRefusedError``."""
    document = parse_document(text, name)
    if document.data is None and not document.problems:
        raise _refused(name, "empty; give at least one crawl under `crawls`")
    reading = _Reading(document=document)
    config = reading.config()
    if config is None:
        raise refusal(name, reading.problems)
    return config


def _refused(name: str, reason: str) -> Exception:
    return refusal(name, [Problem(line=0, field="", reason=reason)])


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One pass from plain data to models, collecting every problem on the way."""

    document: Document
    """The file as plain data."""
    problems: list[Problem] = field(default_factory=list)
    """The problems so far, in the order in which the loader found them."""

    def config(self) -> Config | None:
        self.problems.extend(self.document.problems)
        top = self._map(self.document.data, ())
        for key in top:
            if key not in _TOP:
                self._say((key,), f"unknown key; {did_you_mean(key, _TOP)}".rstrip("; "))
        for path, reason in misplaced_secrets(self.document.data, ()):
            self._say(path, reason)
        for path, reason in cut_texts(self.document):
            self._say(path, reason)
        lanes = self._lanes(self._map(top.get("lanes"), ("lanes",)))
        defaults = self._defaults(self._map(top.get("defaults"), ("defaults",)))
        raw = self._map(top.get("crawls"), ("crawls",))
        if not raw:
            self._say(("crawls",), "no crawls: give at least one")
        crawls = {key: self._crawl(key, value, defaults, lanes) for key, value in raw.items()}
        if self.problems:
            return None
        return Config(lanes=lanes, crawls={key: crawl for key, crawl in crawls.items() if crawl is not None})

    def _lanes(self, raw: Mapping[str, object]) -> dict[str, LaneConfig]:
        lanes = {"default": LaneConfig()}
        for key, value in raw.items():
            values = self._map(value, ("lanes", key))
            lane, wrong = validated(LaneConfig, values)
            self._report(("lanes", key), wrong)
            checkable = lane or validated(LaneConfig, _without(values, wrong))[0]
            if checkable is not None:
                self._hold(("lanes", key), broken_lane_rules(checkable), wrong)
            # a lane that is wrong still exists: its crawls get no second problem for it
            lanes[key] = lane or LaneConfig()
            self._check_name(("lanes", key), key)
        return lanes

    def _defaults(self, raw: Mapping[str, object]) -> dict[str, object]:
        """Return the defaults that are valid, so that each mistake in them is reported once and not for every crawl."""
        for key in OWN & raw.keys():
            self._say(("defaults", key), "says which pages to visit: give it in the crawl")
        shared = {key: value for key, value in raw.items() if key not in OWN}
        _, wrong = validated(CrawlConfig, {"name": "defaults", **shared})
        self._report(("defaults",), wrong)
        return _without(shared, wrong)

    def _crawl(
        self, key: str, value: object, defaults: Mapping[str, object], lanes: Mapping[str, LaneConfig]
    ) -> CrawlConfig | None:
        path: Path = ("crawls", key)
        self._check_name(path, key)
        own = self._map(value, path)
        if "name" in own:
            self._say((*path, "name"), "unknown key; a crawl's name is its key")
        values = inherit(defaults, {field: item for field, item in own.items() if field != "name"})
        crawl, wrong = validated(CrawlConfig, {"name": "unchecked", **values})
        self._report(path, wrong)
        checkable = crawl or validated(CrawlConfig, {"name": "unchecked", **_without(values, wrong)})[0]
        if checkable is not None:
            self._hold(path, broken_rules(checkable, lanes), wrong)
        return crawl.model_copy(update={"name": key}) if crawl is not None else None

    def _check_name(self, path: Path, key: str) -> None:
        _, wrong = validated(CrawlConfig, {"name": key})
        for _, reason in wrong:
            self._say(path, reason)

    def _map(self, value: object, path: Path) -> Mapping[str, object]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._say(path, f"must be a map, not {'a list' if isinstance(value, list) else repr(value)[:60]}")
            return {}
        return value

    def _report(self, prefix: Path, wrong: list[tuple[Path, str]]) -> None:
        for path, reason in wrong:
            self._say((*prefix, *path), reason)

    def _hold(self, prefix: Path, rules: Iterator[Broken], wrong: list[tuple[Path, str]]) -> None:
        """Report broken rules, but for those that rest on a field that is wrong by itself."""
        doubtful = {str(where[0]) for where, _ in wrong if where}
        for rule in rules:
            if doubtful.isdisjoint({*map(str, rule.path[:1]), *rule.others}):
                self._say((*prefix, *rule.path), rule.reason)

    def _say(self, path: Path, reason: str) -> None:
        self.problems.append(at(path, self.document.lines, reason))


def _without(values: Mapping[str, object], wrong: list[tuple[Path, str]]) -> dict[str, object]:
    doubtful = {path[0] for path, _ in wrong if path}
    return {key: value for key, value in values.items() if key not in doubtful}


def misplaced_secrets(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield malformed references, and well-formed ones where nothing would resolve them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from misplaced_secrets(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from misplaced_secrets(item, (*path, index))
    elif isinstance(value, str):
        for reason in _reference_faults(value, path, _below(path)):
            yield path, reason


def _reference_faults(value: str, path: Path, below: Path) -> Iterator[str]:
    field = below[0] if below else ""
    if field == "user_agent" and secret_names(value):
        yield NOT_IN_THE_USER_AGENT
    if field in _CHECKED_BY_THEIR_TYPE or (field in _SELECTORS and below[-1] not in _IN_SELECTORS):
        return
    hold = ", ".join(sorted(_HOLD_SECRETS))
    reason = malformed(value)
    if reason is not None:
        yield reason
    elif secret_names(value) and field not in _HOLD_SECRETS:
        yield f"a secret can only be used in {hold}"
    elif field != "expect" and _MAY_HOLD_BRACES.isdisjoint(path[-1:]) and (other := _OTHER_REFERENCE.search(value)):
        shown = other[0][:60]
        yield f"{shown!r} is no reference: write the value itself; only ${{secret:NAME}} is one, in {hold}"


def cut_texts(document: Document) -> Iterator[tuple[Path, str]]:
    """Yield texts that a comment cut short, or left nothing of: ``watch: #plans`` and ``contains: Order #5``."""
    for path, comment in document.comments.items():
        below = _below(path)
        if not below or below[0] not in _TEXTS or below[-1] in _NO_TEXTS or not _is_cut(below[0], comment):
            continue
        value: Any = document.data
        for part in path:
            value = value[part]
        whole = f"{'' if value is None else value} {comment}".strip().replace("\\", "\\\\").replace('"', '\\"')
        left = "nothing is left of the value" if value is None else f"the value ends at {value!r}"
        yield path, f'# begins a comment here, so {left}: write "{whole}" in quotes, or a blank after the #'


def _is_cut(field: str, comment: str) -> bool:
    return comment.startswith(("#/", "#!")) if field in {"urls", "sitemap"} else True


def _below(path: Path) -> Path:
    """Return the part below ``defaults`` or ``crawls.NAME``."""
    return path[1:] if path[:1] == ("defaults",) else path[2:] if path[:1] == ("crawls",) else ()
