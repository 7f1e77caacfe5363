"""One invocation's life: leasing, visiting, completing, handing back."""
