"""How the invocations that the count asks for are started."""
