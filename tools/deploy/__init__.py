"""`make deploy` and the commands beside it: build, push, record in a file that Terraform reads, and apply."""
