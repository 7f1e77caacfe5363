from support.docs_checks.names import unknown_modules, unknown_paths, unknown_tests


def test_every_file_that_is_named_exists():
    """A path in a page is one of the project's, or the end of one."""
    assert list(unknown_paths()) == []


def test_every_module_that_is_named_can_be_imported():
    """A dotted name in a page is a module, or something that a module has."""
    assert list(unknown_modules()) == []


def test_every_test_that_a_guarantee_names_exists():
    """The page of the guarantees names no test that was renamed or lost."""
    assert list(unknown_tests()) == []
