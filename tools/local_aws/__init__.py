"""The local AWS: MiniStack, embedded Postgres, the demo shop and a web hook, with Trapline deployed by Terraform."""
