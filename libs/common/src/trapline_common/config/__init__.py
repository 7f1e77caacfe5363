"""crawls.yaml: its models, its loader and its errors."""
