"""Pictures of pages, compared: the newest one with its page's baseline, in a process of its own."""
