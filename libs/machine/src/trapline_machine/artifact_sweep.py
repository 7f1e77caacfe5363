"""Retention's second half on one machine: the files of observations that it deleted."""

import time

from trapline_common.ledger import artifacts
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts

BATCH = 500
"""Keys that are looked at while nobody may put one: some tens of milliseconds."""
UNSURE = 60.0
"""Seconds by which a file counts as younger than its time says: that is of the last tick of the kernel's clock, and the
clock may have been set meanwhile."""


async def sweep_artifacts(database: Database, store: DirectoryArtifacts) -> int:
    """Delete the files that no observation names any more; return how many keys are done with.

    A file that was put since the oldest invocation under way was counted stays for a later command: that invocation may
    be about to name it. So what was uploaded before its commit is never deleted, by whichever command it was.
    """
    done = 0
    while keys := await artifacts.unnamed(database, most=BATCH):
        with store.nobody_puts():
            began = time.time()  # before the ledger says how long the oldest has been under way
            found = await artifacts.deletable(database, keys)
            before = None if found.longest_under_way is None else began - found.longest_under_way - UNSURE
            over = [key for key in keys if key in found.named or store.remove(key, put_before=before)]
        await artifacts.forget(database, over)
        done += len(over)
        if len(over) < len(keys):
            break
    return done
