"""The work of one invocation: leasing, visiting, completing, handing back."""
