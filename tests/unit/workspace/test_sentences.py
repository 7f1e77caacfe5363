import ast

from tools.shell import ROOT


def nameless():
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            if named and not ast.get_docstring(node):
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_every_test_states_what_it_shows():
    """Each test has a docstring that says in a sentence what it shows."""
    assert list(nameless()) == []
