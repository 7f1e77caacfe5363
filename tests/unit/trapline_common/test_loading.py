"""Imports without the search for garbage."""

import gc

import pytest

from trapline_common.platform.loading import loading


def test_garbage_is_collected_again_after_an_import_that_failed():
    """Whatever the block does, the collector works behind it, and leaves alone what was there."""
    frozen = gc.get_freeze_count()
    try:
        with pytest.raises(ModuleNotFoundError), loading():
            import no_such_module_of_ours  # type: ignore[import-not-found]  # noqa: F401
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
