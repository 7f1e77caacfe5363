"""The site of the documentation: its build, its navigation, and what is generated from the code for readers."""
