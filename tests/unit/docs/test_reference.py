from docs.site.config_reference import keys
from docs.site.reference import stale


def test_the_generated_pages_are_what_the_code_gives():
    """Command line, config and import contracts are as the checked-in pages say; else `make docs-reference`."""
    assert stale() == []


def test_every_key_of_the_config_is_described():
    """Each key of crawls.yaml has a description of its own, which the reference and editors show."""
    assert [name for name, field in keys() if not field.description] == []
