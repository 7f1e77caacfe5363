"""The settings of the site. Its root is the repository's, so that a link holds here and there."""

project = "Trapline"
author = "The Trapline authors"

extensions = ["myst_parser", "docs.site.navigation"]
root_doc = "docs/README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**.md",
    "libs/*/*.md",
    "services/*/*.md",
    "terraform/**.md",
]
exclude_patterns = [".venv*", "build", ".trapline*", "tests", "requirements", "**/src"]

nitpicky = True  # a reference that leads nowhere is a warning, and a warning fails the build
highlight_language = "none"  # a block that names no language is shown as it is
smartquotes = False  # `--option` in a sentence stays as it is
myst_heading_anchors = 4
"""Headings down to this level have GitHub's anchors."""

html_theme = "furo"
html_title = "Trapline"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["trapline.css"]
html_theme_options = {"top_of_page_buttons": []}
