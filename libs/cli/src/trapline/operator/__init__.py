"""The operator function of a deployment, which performs a person's commands there."""
