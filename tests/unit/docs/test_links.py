from support.docs_checks.links import broken_links


def test_every_link_leads_to_a_file_and_a_heading():
    """A link in a page, a package's README or a CHANGELOG leads to a file that exists, and to an anchor that it has."""
    assert list(broken_links()) == []
