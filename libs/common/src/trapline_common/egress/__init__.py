"""The gate: which addresses may be dialled, and the one way to dial them. Whatever fetches for a page goes through it."""
