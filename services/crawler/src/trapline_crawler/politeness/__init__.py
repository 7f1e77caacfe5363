"""When a host may be visited: its delay, its places, its robots.txt."""
