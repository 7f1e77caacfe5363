"""When a page of a host may be visited: the host's delay, its slots, its back-off and its robots.txt."""
