"""What a page wrote is cut only where no secret can be cut with it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CRAWLER = Path(__file__).parents[3] / "services/crawler/src/trapline_crawler"
SCRUBBED = {
    "visit/blocked.py:challenge": "the reading is scrubbed before",
    "visit/expectations.py:_shown": "of the crawl as it is written, references in it",
    "visit/steps.py:Steps._scrubbed": "an error's text, scrubbed in the same line",
    "visit/evidence.py:keep_evidence": "an error's text, scrubbed in the same line",
    "work/one_call.py:fail": "an error that left its visit scrubbed, if a visit raised it",
    "browser/supervisor.py:Browser.fault": "scrubbed where the error leaves the visit, up to the end of its line",
    "visit/failures.py:goto_failure": "the same",
    "work/task_faults.py:give_up": "an error that left its visit scrubbed, or Postgres' of a result that was scrubbed",
    "visit/observe.py:without_secrets": "the beginning of a secret at the end of what was cut goes too",
    "visit/page_script.py:reading": "the URL and the texts of a reading, cut at limits that `observe` knows",
    "visit/page_script.py:_text": "the same",
    "visit/other_frames.py:joined": "the watched text, too large then: the visit fails, and none of it is kept",
    "visit/load.py:Load.run": "a final URL, cut at the limit that `observe` knows",
    "visit/load.py:Load._refused": "the same",
    "visit/load.py:Load._too_slow": "the same",
    "visit/visit_in_context.py:Contexts._visit_in": "the same",
}
"""Places that cut a text which may hold what a page wrote, and why that is safe."""
NO_TEXT = {
    "visit/visit_in_context.py:Contexts._close": "what the driver says of a context, which shows no page",
    "visit/kept_artifacts.py:keep": "the artifact store's error",
    "visit/rooms.py:Rooms.give_back": "a list of rooms",
    "work/task_faults.py:wait_out": "an error of the store of secrets, or of a config that can't be read",
    "visit/snapshot_texts.py:_Document._pairs": "a list",
    "visit/snapshot_texts.py:_units": "a run of text within a line, which is looked through and not kept",
    "visit/snapshot_texts.py:_unreadable": "the beginning of a source, which is looked at and not kept",
    "visit/painted_secrets.py:_look_elsewhere": "a list of frames",
    "visit/other_frames.py:_frames": "the same",
    "visit/picture_place.py:measure": "a list of boxes",
    "visit/painted_secrets.py:_masked": "a list of nodes",
    "visit/header_values.py:runs_no_scripts": "a list of words",
    "visit/whole_answer.py:_goes_on": "the end of two answers, which are compared and not kept",
}
"""Places that cut something else, or a text that goes nowhere."""
PARTS = {
    "visit/measure_picture.js": {"0, most": "a list of boxes"},
    "visit/other_document.js": {
        "0, text.search(/[\\r\\n]|$/": "the first line of a table, in which its separator is looked for",
        "at, end < 0 ? text.length : end": "a cell of a table, whole",
        "at, end": "the same",
        "named[0].length": "a table whose first line names its separator, without that line",
        "from ?? 0, to ?? undefined": "a list",
    },
}
"""What scripts take out of a text as a whole, or out of something else."""
NO_PAGES_TEXT = {"browser/tab_meter.js"}
"""Scripts that no text of a page leaves: this one looks at both ends of the protocol's messages."""


def cuts(path: Path) -> Iterator[str]:
    """Yield where a file cuts something: slices, first lines, and the like."""

    def walk(node: ast.AST, inside: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = (*inside, node.name)
        sliced = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
        first = (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr in {"split", "splitlines"}
        )
        shortened = isinstance(node, ast.Attribute) and node.attr == "shorten"
        if sliced or first or shortened:
            yield f"{path.relative_to(CRAWLER)}:{'.'.join(inside)}"
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), ())


def test_every_cut_is_known() -> None:
    """Whoever adds a cut says here why it leaves no part of a secret: it stands after the scrub, or cuts no text."""
    files = [path for folder in ("visit", "visitors", "work", "sessions") for path in (CRAWLER / folder).rglob("*.py")]
    found = {cut for path in [*files, CRAWLER / "browser/supervisor.py"] for cut in cuts(path)}
    assert found == SCRUBBED.keys() | NO_TEXT.keys()


def test_scripts_cut_at_the_limits_that_the_crawler_knows() -> None:
    """What a script cuts at one of them loses the beginning of a secret at its end (``observe``)."""
    for path in CRAWLER.rglob("*.js"):
        if str(path.relative_to(CRAWLER)) in NO_PAGES_TEXT:
            continue
        script = path.read_text(encoding="utf-8")
        found = re.findall(r"\.(?:slice|substring|substr)\((.*?)\)", script)
        known = PARTS.get(str(path.relative_to(CRAWLER)), {})
        assert [cut for cut in found if not re.fullmatch(r"0, longest\w*", cut) and cut not in known] == [], path.name
