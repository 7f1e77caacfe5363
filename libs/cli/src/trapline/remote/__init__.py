"""Commands of a deployment: sent to its operator function (``--env``), and performed there."""
