"""Refuses lines over 120 columns in the languages that ruff does not read: SQL, Terraform and JavaScript."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools.shell import ROOT, ToolError, main_guard

LONGEST = 120
"""Columns, as ruff has it for Python."""
PATTERNS = (
    *("*.sql", "*.tf", "*.hcl", "*.tfvars", "*.js"),
    *(":!**/migrations/000?_*.sql", ":!**/schema/schema.sql", ":!**/vendored/*"),
)
"""As git takes them. Databases know the checksums of the migrations that were released, so those never change.

``schema.sql`` is generated and repeats the text of their functions; what is vendored is as others wrote it.
"""


def long_lines(files: Iterable[Path]) -> list[str]:
    """Return file, line number and width of each line that is too long."""
    return [
        f"{file}:{number}: {len(line)} columns"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if len(line) > LONGEST
    ]


def main() -> int:
    """Check every such file that git knows or would add. Raises ``ToolError`` with the lines."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PATTERNS]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    if found := long_lines(file for name in names if (file := ROOT / name).is_file()):
        raise ToolError(f"lines over {LONGEST} columns:\n  " + "\n  ".join(found))
    return 0


if __name__ == "__main__":
    main_guard(main)
