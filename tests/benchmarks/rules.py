"""What every contestant is held to: the same browser, the same arguments, the same waiting rule.

``ARGS`` and ``SETTLE`` say the same as the crawler's own; they are written out here because the peers run under
another interpreter, without the product.
"""

import os
from pathlib import Path

from tools.browser import find
from tools.setup import DEVELOPMENT
from tools.shell import ToolError

ROOT = Path(__file__).resolve().parents[2]

ARGS = ("--no-sandbox", "--disable-dev-shm-usage")

SETTLE = """({quiet, atMost}) => new Promise((done) => {
  let timer = 0;
  const end = () => { observer.disconnect(); clearTimeout(timer); clearTimeout(limit); done(); };
  const limit = setTimeout(end, atMost);
  const observer = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, quiet); });
  observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  timer = setTimeout(end, quiet);
})"""
"""After ``load``: the DOM quiet for ``quiet`` ms, bounded by ``atMost`` ms."""

SETTLE_ARGUMENT = {"quiet": 150, "atMost": 3000}
"""The defaults of ``settle`` in crawls.yaml, in milliseconds."""


def executable() -> str:
    """Return the browser that the crawler uses. Raises ``ToolError`` when there is none."""
    found = find(os.environ, python=str(DEVELOPMENT.python))
    if found is None:
        raise ToolError("no headless browser here; run `make setup`")
    return found
