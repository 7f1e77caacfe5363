"""Logs, the Lambda runtime, JSON, texts of sizes and times: every process needs them."""
