"""`make deploy` and its kin: what is built is pushed, recorded in a file that Terraform reads, and applied."""
