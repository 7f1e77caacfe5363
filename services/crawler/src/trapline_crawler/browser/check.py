"""Has each profile of the browser show that it works here, whichever is in use: for a person who has just deployed."""

import time
from collections.abc import Callable, Sequence

from trapline_common.domain.answers import Checked
from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.browser.profiles import Profile
from trapline_crawler.browser.self_test import self_test
from trapline_crawler.browser.supervisor import Browser

_ATTEMPTS = 2
"""A browser of one process dies at its start once in some hundred times, and a visit starts it again."""


async def check_profiles(
    profiles: Sequence[Profile],
    new_browser: Callable[[Profile], Browser],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Checked:
    """Launch one browser after the other, and close each; return what each profile's self-test found."""
    reasons: dict[str, str | None] = {}
    seconds: dict[str, float] = {}
    for profile in profiles:
        for _ in range(_ATTEMPTS):
            browser, start = new_browser(profile), clock()
            try:
                await self_test(browser)
                reasons[profile.name] = None
            except BrowserFaultError as error:
                reasons[profile.name] = str(error)
            finally:
                seconds[profile.name] = round(clock() - start, 3)
                await browser.close()
            if reasons[profile.name] is None:
                break
    return Checked(profiles=reasons, seconds=seconds)
