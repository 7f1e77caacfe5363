"""The documentation: its site, the pages generated from the code, and the checks of what the pages say."""
