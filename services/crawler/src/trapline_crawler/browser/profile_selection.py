"""Selects the profile that works in this environment, once."""

import time
from collections.abc import Callable, Sequence

from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.errors import BrowserFaultError, BrowserLaunchError
from trapline_crawler.browser.profiles import Profile
from trapline_crawler.browser.self_test import self_test
from trapline_crawler.browser.supervisor import Browser

_log = get_logger("crawler")


class ProfileSelection:
    """Kept as long as the environment: the profile that passed its self-test is used from then on, untested."""

    def __init__(
        self,
        candidates: Sequence[Profile],
        new_browser: Callable[[Profile], Browser],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = candidates
        self._new_browser = new_browser
        self._clock = clock
        self.chosen: Profile | None = None

    async def choose(self) -> tuple[Profile, Browser]:
        """Return the profile, and a browser to go on with: the tested one, where it can hold another context.

        Raises ``BrowserLaunchError`` with every profile's reason when none works; the next call tries again. At most
        one call at a time.
        """
        if self.chosen is not None:
            return self.chosen, self._new_browser(self.chosen)
        refused: list[str] = []
        for profile in self._candidates:
            browser, start = self._new_browser(profile), self._clock()
            passed = False
            try:
                await self_test(browser)
                passed = True
            except BrowserFaultError as error:
                refused.append(f"{profile.name}: {error}")
                _log.warning("browser_profile_refused", profile=profile.name, reason=str(error))
            finally:
                if not (passed and profile.many_contexts):
                    await browser.close()
            if passed:
                self.chosen = profile
                seconds = round(self._clock() - start, 3)
                _log.info("browser_profile_chosen", profile=profile.name, self_test_seconds=seconds)
                return profile, browser if profile.many_contexts else self._new_browser(profile)
        raise BrowserLaunchError(f"no profile works here; {'; '.join(refused)}")
