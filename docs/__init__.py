"""The documentation: pages, their settings for Sphinx, and in `site` the generators."""
