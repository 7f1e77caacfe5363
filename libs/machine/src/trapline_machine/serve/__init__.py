"""``trapline serve``: one process that does on one machine what AWS does for a deployment."""
