"""What an observation means for its page, and what a person is told of it. Pure."""
