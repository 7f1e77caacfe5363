"""The one-machine runtime: the services' own handlers, with processes in the place of Lambda functions."""
