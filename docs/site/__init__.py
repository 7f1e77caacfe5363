"""The site of the documentation: its build, its navigation, and the pages that are generated from the code."""
