from support.docs_checks.command_lines import wrong_command_lines, wrong_make_targets


def test_every_command_line_that_is_shown_is_accepted():
    """The command's own parser accepts each `trapline` line of the pages and of the help texts: its options exist."""
    assert list(wrong_command_lines()) == []


def test_every_make_target_that_is_named_exists():
    """Each `make X` of the pages and of the help texts is a target of the Makefile."""
    assert list(wrong_make_targets()) == []
