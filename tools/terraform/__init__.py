"""Finding Terraform and running it on the root module."""
