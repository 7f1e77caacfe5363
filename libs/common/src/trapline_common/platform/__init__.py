"""What every process needs whatever it does: logs, the Lambda runtime, JSON, texts of sizes and times."""
