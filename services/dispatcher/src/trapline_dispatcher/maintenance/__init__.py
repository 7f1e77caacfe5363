"""What the minute tick mends and puts away."""
