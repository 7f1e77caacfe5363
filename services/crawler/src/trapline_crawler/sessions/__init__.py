"""Log-ins and the sealed state that they leave."""
