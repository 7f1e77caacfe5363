"""What a command reaches inside a deployment. It loads boto3 (0.4 s of CPU), so other modules import it late."""
