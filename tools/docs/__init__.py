"""The documentation: the site, the reference pages that are generated from the code, and what the tests read of the pages."""
