"""Each field of a record says what it holds: a line of its own under it, or the description that pydantic shows."""

import ast
from collections.abc import Iterator

from tools.shell import ROOT

FOLDERS = ("docs", "libs", "services", "tools")
RECORDS = frozenset({"BaseModel", "BaseSettings", "NamedTuple", "TypedDict"})

EXAMPLE = '''
@dataclass(frozen=True)
class Point:
    x: int
    """Pixels."""
    y: int

class Base(BaseModel): ...

class Model(Base):
    all: ClassVar[int] = 1
    shown: int = Field(description="What editors show.")
    hidden: int = Field(ge=1)

class Plain:
    z: int
'''


def name_of(base: ast.expr) -> str:
    """A class's own name: without its module and its type parameters."""
    return ast.unparse(base).partition("[")[0].rpartition(".")[2]


def records(classes: list[ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """Dataclasses, and the classes below those of RECORDS, over any number of steps."""
    known = set(RECORDS)
    while found := {c.name for c in classes if known.intersection(map(name_of, c.bases))} - known:
        known |= found
    yield from (c for c in classes if c.name in known or any("dataclass" in ast.unparse(d) for d in c.decorator_list))


def is_text(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def without_a_line(record: ast.ClassDef) -> Iterator[str]:
    for statement, following in zip(record.body, [*record.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or "ClassVar" in ast.unparse(statement.annotation):
            continue
        if not is_text(following) and "description=" not in ast.unparse(statement):
            yield f"{record.name}.{ast.unparse(statement.target)}"


def test_every_field_has_its_line():
    """No field of a dataclass, a named tuple, a typed dictionary or a pydantic model is left to its name alone."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    classes = [
        node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)
    ]
    assert [field for record in records(classes) for field in without_a_line(record)] == []


def test_a_field_without_a_line_is_named():
    """The search sees dataclasses and models below other models; a class variable is no field."""
    classes = [node for node in ast.parse(EXAMPLE).body if isinstance(node, ast.ClassDef)]
    assert [field for record in records(classes) for field in without_a_line(record)] == ["Point.y", "Model.hidden"]
