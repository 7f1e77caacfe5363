"""What an observation means for its page, and which alerts it causes. Pure."""
