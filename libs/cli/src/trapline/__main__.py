"""``python -m trapline``."""

from trapline.main import main

main()
