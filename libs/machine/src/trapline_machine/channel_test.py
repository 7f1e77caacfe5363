"""A test alert through every channel of this machine (``trapline alert --test``)."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from trapline_common.local.secrets import LocalSecrets
from trapline_notifier.publishers.console import ConsolePublisher
from trapline_notifier.services import TERMINAL
from trapline_notifier.trial import send_test
from trapline_notifier.wiring import local_publishers


async def send_test_alert(*, environ: Mapping[str, str], data_dir: Path, to_terminal: bool) -> dict[str, str | None]:
    """Send it; return what went wrong, by channel, ``None`` where nothing did. Raises ``InputRefusedError``."""
    publishers = await local_publishers(data_dir, LocalSecrets(environ, data_dir / "secrets"))
    terminal = {TERMINAL: ConsolePublisher(sys.stdout)} if to_terminal else {}
    return await send_test({**terminal, **publishers}, at=datetime.now(UTC))
