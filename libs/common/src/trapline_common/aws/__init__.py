"""Adapters for AWS. Every call runs in a thread, with short timeouts: boto3 blocks, and heartbeats must not."""
