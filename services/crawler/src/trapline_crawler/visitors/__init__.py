"""Which browser a page is visited in."""
